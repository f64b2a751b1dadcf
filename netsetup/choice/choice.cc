#include "netsetup/choice/choice.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/io.h"
#include "netsetup/netns/netns.h"
#include "netsetup/network/network.h"

namespace shoji::net {

namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// CNI specification, "Configuration format", name: also what keeps it from being a path.
Result<> check_cni_name(std::string_view name) {
  auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  if (name.empty() || name.size() > NAME_MAX - 4 || !is_alphanumeric(name[0]) ||
      !std::ranges::all_of(name, allowed))
    return fail(Kind::kInvalid, cat(quote(cat("cni:", name)),
                                    ": a CNI network's name is letters, digits, \"_\", \".\", \"-\", "
                                    "beginning with a letter or digit"));
  return {};
}

Result<> check_partition_name(std::string_view name) {
  auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '+' || c == '.' || c == '-'; };
  if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX ||
      !std::ranges::all_of(name, allowed))
    return fail(Kind::kInvalid,
                cat(quote(cat("share:", name)), ": a partition's name is letters, digits and _+.-"));
  return {};
}

bool same_file(int one, int other) {
  struct stat a{}, b{};
  return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A namespace that exists, pinned under the partition's name as well. An older pin that leads elsewhere is replaced: the
// partition does not run, or its namespace would not be asked for.
Result<UniqueFd> pin_existing(const std::string& directory, const std::string& partition, UniqueFd netns) {
  if (Result<UniqueFd> now = open_netns(directory, partition); now && same_file(now->get(), netns.get()))
    return netns;
  TRY(remove_netns(directory, partition));
  TRY(pin_netns(directory, partition, netns.get()));
  return netns;
}

Result<UniqueFd> pin_own(const std::string& directory, const std::string& partition) {
  Result<UniqueFd> now = open_netns(directory, partition);
  if (now) {
    TRY_ASSIGN(UniqueFd host, open_file("/proc/thread-self/ns/net", O_RDONLY));
    if (!same_file(now->get(), host.get())) return now;
  } else if (now.error().kind != Kind::kNotFound) {
    return now;
  }
  TRY(remove_netns(directory, partition));  // the host's, or a file that a kill left
  return make_netns(directory, partition);
}

}  // namespace

Result<NetworkChoice> parse_choice(std::string_view text) {
  constexpr std::string_view kCniPrefix = "cni:", kSharePrefix = "share:";
  if (text == "host") return NetworkChoice{.kind = ChoiceKind::kHost, .name = {}};
  if (text == "none") return NetworkChoice{.kind = ChoiceKind::kNone, .name = {}};
  if (text == "share") return fail(Kind::kInvalid, "\"share\" does not say with whom: share:PARTITION");
  if (text == "cni") return fail(Kind::kInvalid, "\"cni\" does not say which configuration: cni:NAME");
  if (text.starts_with(kCniPrefix)) {
    std::string_view name = text.substr(kCniPrefix.size());
    TRY(check_cni_name(name));
    return NetworkChoice{.kind = ChoiceKind::kCni, .name = std::string(name)};
  }
  if (text.starts_with(kSharePrefix)) {
    std::string_view name = text.substr(kSharePrefix.size());
    TRY(check_partition_name(name));
    return NetworkChoice{.kind = ChoiceKind::kShare, .name = std::string(name)};
  }
  if (text.contains(':'))
    return fail(Kind::kInvalid,
                cat(quote(text), " is none of host, none, share:PARTITION, cni:NAME and a network's name"));
  TRY(check_network_name(text));
  return NetworkChoice{.kind = ChoiceKind::kNetwork, .name = std::string(text)};
}

std::string print_choice(const NetworkChoice& choice) {
  constexpr std::string_view kPrefixes[] = {"", "cni:", "none", "host", "share:"};
  return cat(kPrefixes[static_cast<size_t>(choice.kind)], choice.name);
}

Result<> check_choices(std::string_view partition, std::span<const NetworkChoice> choices) {
  for (size_t i = 0; i < choices.size(); ++i) {
    const NetworkChoice& choice = choices[i];
    if (!choice.attaches() && choices.size() > 1)
      return fail(Kind::kInvalid, cat("network ", quote(print_choice(choice)), " stands alone, not beside ",
                                      quote(print_choice(choices[i == 0 ? 1 : 0]))));
    if (choice.kind == ChoiceKind::kShare && choice.name == partition)
      return fail(Kind::kInvalid, cat("partition ", quote(partition), " cannot share its own network"));
    if (std::ranges::count(choices, choice) > 1)
      return fail(Kind::kInvalid, cat("network ", quote(print_choice(choice)), " is named twice"));
  }
  return {};
}

Result<UniqueFd> pin_choice(const std::string& directory, const std::string& partition,
                            std::span<const NetworkChoice> choices) {
  if (choices.empty() || choices[0].own_namespace()) return pin_own(directory, partition);
  if (choices[0].kind == ChoiceKind::kHost) {
    TRY_ASSIGN(UniqueFd host, open_file("/proc/thread-self/ns/net", O_RDONLY));
    return pin_existing(directory, partition, std::move(host));
  }
  Result<UniqueFd> shared = open_netns(directory, choices[0].name);
  if (!shared && shared.error().kind == Kind::kNotFound)
    return fail(Kind::kNotFound, cat("network ", quote(print_choice(choices[0])), ": partition ",
                                     quote(choices[0].name), " has no network namespace now"));
  if (!shared) return shared;
  return pin_existing(directory, partition, std::move(*shared));
}

}  // namespace shoji::net
