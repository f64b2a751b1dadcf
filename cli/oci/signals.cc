#include "cli/oci/signals.h"

#include <strings.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <string>
#include <tuple>

namespace shoji::cli {

namespace {

// Numbers as the kernel counts them. glibc keeps the first two real-time signals for itself, so that its SIGRTMIN is
// 34; runc's names and this table agree with glibc.
constexpr int kRtMin = 34;
constexpr int kRtMax = 64;

struct Name {
  std::string_view name;
  int number;
};

constexpr Name kAliases[] = {{"CLD", SIGCHLD}, {"IOT", SIGABRT}, {"POLL", SIGIO}, {"UNUSED", SIGSYS}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// The number of "RTMIN", "RTMIN+3", "RTMAX-1"; 0: it is no such name.
int real_time_signal(std::string_view name) {
  for (auto [base, sign, from] : {std::tuple("RTMIN", '+', kRtMin), std::tuple("RTMAX", '-', kRtMax)}) {
    if (name.size() < 5 || !equal_ignoring_case(name.substr(0, 5), base)) continue;
    if (name.size() == 5) return from;
    int offset = 0;
    auto [end, error] = std::from_chars(name.data() + 6, name.data() + name.size(), offset);
    if (name[5] != sign || error != std::errc() || end != name.data() + name.size()) return 0;
    if (offset < 0 || offset > kRtMax - kRtMin) return 0;
    return sign == '+' ? from + offset : from - offset;
  }
  return 0;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= 0 && number <= kRtMax) return number;
  std::string_view name = text;
  if (name.size() > 3 && equal_ignoring_case(name.substr(0, 3), "SIG")) name.remove_prefix(3);
  for (int candidate = 1; candidate < NSIG; ++candidate) {
    const char* known = sigabbrev_np(candidate);
    if (known != nullptr && equal_ignoring_case(name, known)) return candidate;
  }
  for (const Name& alias : kAliases)
    if (equal_ignoring_case(name, alias.name)) return alias.number;
  if (int real_time = real_time_signal(name); real_time != 0) return real_time;
  return fail(Kind::kInvalid, cat("unknown signal ", quote(text)));
}

}  // namespace shoji::cli
