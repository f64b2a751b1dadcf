#include "netsetup/host/documents.h"

#include <sys/file.h>

#include <algorithm>

#include "netsetup/attach/links.h"
#include "netsetup/link/requests.h"
#include "netsetup/names/live.h"

namespace shoji::net {

namespace {

Result<> tell_firewall(HostContext& context) {
  // Alone, so that nobody tells it of fewer networks after us.
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_EX));
  TRY_ASSIGN(Firewall * firewall, context.ready_firewall(hold));
  TRY(hold.convert(LOCK_EX));
  TRY_ASSIGN(std::vector<Network> networks, list_networks(context.store));
  std::vector<FirewallNetwork> known;
  for (const Network& network : networks) known.push_back(firewall_network(network));
  return firewall->set_networks(known);
}

// The name of the pending file, which is the lock of the network's document and bridge; no partition is called so.
Result<Pending> begin(HostContext& context, const std::string& name, const std::string& text) {
  return Pending::begin(context.store.run, cat('@', name), text, context.clear());
}

std::string bridge_of(const Network& network) {
  return network.kind == NetworkKind::kBridge ? network.interface_name() : std::string();
}

Result<> remove_bridge(HostContext& context, const std::string& name) {
  return name.empty() ? Result<>{} : remove_links(context.host, {&name, 1});
}

// One bridge for each name, one name for each bridge.
Result<> check_interface(HostContext& context, const Network& network) {
  std::string bridge = bridge_of(network);
  if (bridge.empty()) return {};
  TRY(check_interface_name(bridge));
  TRY_ASSIGN(std::vector<Network> others, list_networks(context.store));
  for (const Network& other : others)
    if (other.name != network.name && bridge_of(other) == bridge)
      return fail(Kind::kExists,
                  cat("interface ", quote(bridge), " is the one of network ", quote(other.name)));
  return {};
}

Result<> check_unused(HostContext& context, const Network& before, const Network& after) {
  if (before.kind == after.kind && bridge_of(before) == bridge_of(after) && before.parent == after.parent)
    return {};
  TRY_ASSIGN(std::vector<Attachment> all, list_attachments(context.store, ""));
  auto user = std::ranges::find(all, before.name, &Attachment::network);
  if (user == all.end()) return {};
  return fail(Kind::kState, cat("network ", quote(before.name), ": kind, interface and parent stay while ",
                                quote(user->partition), " is attached"));
}

}  // namespace

Result<> settle_network(HostContext& context, const std::string& name, const std::string& text) {
  Result<Network> now = find_network(context.store, name);
  if (!now && now.error().kind != Kind::kNotFound) return Failure(now.error());
  std::string left = text;
  for (size_t end = 0; (end = left.find('\n')) != std::string::npos; left.erase(0, end + 1)) {
    std::string bridge = left.substr(0, end);  // one that was, or was to be
    if (!now || bridge_of(*now) != bridge) TRY(remove_bridge(context, bridge));
  }
  if (now) TRY(adjust_network(context.host, *now));
  TRY(refresh_names_of_network(context.store, name));
  return tell_firewall(context);
}

Result<> create_document(HostContext& context, const Network& network) {
  TRY(check_network_name(network.name));
  std::string text = cat(bridge_of(network), '\n');
  TRY_ASSIGN(Pending pending, begin(context, network.name, ""));
  auto made = [&]() -> Result<> {
    if (find_network(context.store, network.name))
      return fail(Kind::kExists, cat("network ", quote(network.name), " exists"));
    TRY(check_interface(context, network));
    if (network.kind == NetworkKind::kMacvlan) TRY(context.host.index_of(network.parent));
    // Somebody else's interface would be taken away with our network.
    if (std::string bridge = bridge_of(network); !bridge.empty() && context.host.index_of(bridge))
      return fail(Kind::kExists, cat("there is an interface ", quote(bridge), " on this host"));
    TRY(create_network(context.store, network));
    TRY(pending.append(text));
    Result<> settled = settle_network(context, network.name, text);
    if (settled) return settled;
    ignore(net::remove_network(context.store, network.name), "the first error counts");
    ignore(settle_network(context, network.name, text), "the first error counts");
    return settled;
  }();
  TRY(pending.finish());
  return made;
}

Result<> replace_document(HostContext& context, const Network& network) {
  TRY(check_network_name(network.name));
  TRY_ASSIGN(Pending pending, begin(context, network.name, ""));
  auto made = [&]() -> Result<> {
    TRY_ASSIGN(Network before, find_network(context.store, network.name));
    TRY(check_interface(context, network));
    TRY(check_unused(context, before, network));
    std::string text = cat(bridge_of(before), '\n', bridge_of(network), '\n');
    TRY(pending.append(text));
    TRY(replace_network(context.store, network));
    Result<> settled = settle_network(context, network.name, text);
    if (settled) settled = follow_document(context, before, network);
    if (settled) return settled;
    ignore(replace_network(context.store, before), "the first error counts");
    ignore(settle_network(context, network.name, text), "the first error counts");
    return settled;
  }();
  TRY(pending.finish());
  return made;
}

Result<> remove_document(HostContext& context, const std::string& name) {
  TRY(check_network_name(name));
  TRY_ASSIGN(Pending pending, begin(context, name, ""));
  auto made = [&]() -> Result<> {
    TRY_ASSIGN(Network before, find_network(context.store, name));
    std::string text = cat(bridge_of(before), '\n');
    TRY(pending.append(text));
    TRY(net::remove_network(context.store, name));
    return settle_network(context, name, text);
  }();
  TRY(pending.finish());
  return made;
}

}  // namespace shoji::net
