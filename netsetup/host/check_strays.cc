#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "netsetup/host/check.h"
#include "netsetup/netns/netns.h"

namespace shoji::net {

namespace {

// Inode numbers of the network namespaces that processes are in.
std::set<uint64_t> inhabited_namespaces() {
  std::set<uint64_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir("/proc"), closedir);
  while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    struct stat facts{};
    if (stat(cat("/proc/", entry->d_name, "/ns/net").c_str(), &facts) == 0) out.insert(facts.st_ino);
  }
  return out;
}

// The address that the name of a host's end says (new_host_interface()); its last two characters are by chance.
std::optional<Address> address_of(std::string_view name) {
  constexpr size_t kLength = 12;
  if (!name.starts_with("sj") || name.size() != kLength) return std::nullopt;
  uint32_t number = 0;
  auto [end, error] = std::from_chars(name.data() + 2, name.data() + 10, number, 16);
  if (error != std::errc() || end != name.data() + 10) return std::nullopt;
  const uint8_t bytes[] = {static_cast<uint8_t>(number >> 24U), static_cast<uint8_t>(number >> 16U),
                           static_cast<uint8_t>(number >> 8U), static_cast<uint8_t>(number)};
  return Address::from_bytes(Family::kIpv4, bytes);
}

// Only what can be nobody else's: another Shoji may live on this host, with directories of its own.
bool is_ours(const LinkFacts& link, const HostFacts& facts, const std::vector<Network>& networks) {
  for (const Network& network : networks) {
    if (network.kind == NetworkKind::kBridge) {
      auto bridge = facts.links.find(network.interface_name());
      bool named = link.name.starts_with("sj") || link.name.starts_with("sk");
      if (named && link.kind == "veth" && bridge != facts.links.end() && bridge->second.index == link.master)
        return true;
    }
    if (network.kind != NetworkKind::kRouted || link.kind != "veth") continue;
    std::optional<Address> address = address_of(link.name);
    for (const Subnet& subnet : network.subnets)
      if (address && subnet.prefix.contains(*address)) return true;
  }
  return false;
}

// The ifb of a rate is named after the host's end that it serves (netsetup/shape): without that one nobody has it.
bool is_lonely_ifb(const LinkFacts& link, const HostFacts& facts) {
  bool named = (link.name.starts_with("sj") || link.name.starts_with("sk")) && link.name.ends_with('i');
  return named && link.kind == "ifb" && !facts.links.contains(link.name.substr(0, link.name.size() - 1));
}

Result<> check_stray_interfaces(HostContext& context, const std::vector<Network>& networks, Faults& faults) {
  // Interfaces first: what has no record then, and still has none afterwards, is not just being made only if nobody
  // works at anything.
  TRY_ASSIGN(HostFacts facts, HostFacts::read(context.host));
  TRY_ASSIGN(std::set<std::string> busy, pending_names(context.store.run));
  if (!busy.empty()) return {};
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, ""));
  std::set<std::string> known;
  for (const Attachment& attachment : attachments) known.insert(attachment.host_interface);
  auto remove_if = [&](const auto& is_stray) {
    for (const auto& [name, link] : facts.links) {
      if (known.contains(name) || !is_stray(link)) continue;
      if (!context.host.index_of(name)) continue;  // the kernel was just removing it
      faults.found("this host", cat("interface ", name, " belongs to no partition"),
                   [&, stray = name] { return remove_links(context.host, {&stray, 1}); });
    }
  };
  remove_if([&](const LinkFacts& link) { return is_ours(link, facts, networks); });
  // Those that serve what was just removed, too.
  TRY_ASSIGN(facts, HostFacts::read(context.host));
  remove_if([&](const LinkFacts& link) { return is_lonely_ifb(link, facts); });
  return {};
}

Result<> check_namespaces(HostContext& context, Faults& faults) {
  std::string directory = context.store.netns_directory();
  TRY_ASSIGN(std::vector<std::string> pinned, list_netns(directory));
  std::set<uint64_t> inhabited = inhabited_namespaces();
  for (const std::string& name : pinned) {
    if (!check_partition_name(name)) continue;
    TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, name, "", context.clear()));
    auto looked = [&]() -> Result<> {
      TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, name));
      if (!attachments.empty()) return {};
      Result<UniqueFd> netns = open_netns(directory, name);
      struct stat facts{};
      bool there = netns && fstat(netns->get(), &facts) == 0;
      if (there && inhabited.contains(facts.st_ino)) return {};
      faults.found(cat("partition ", quote(name)),
                   there ? "nobody is in its pinned network namespace, which has no network"
                         : "its pin holds no network namespace",
                   [&] { return remove_netns(directory, name); });
      return {};
    }();
    TRY(pending.finish());
    TRY(looked);
  }
  return {};
}

}  // namespace

Result<> check_strays(HostContext& context, const std::vector<Network>& networks, Faults& faults) {
  TRY(check_stray_interfaces(context, networks, faults));
  return check_namespaces(context, faults);
}

}  // namespace shoji::net
