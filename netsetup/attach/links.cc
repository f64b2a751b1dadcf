#include "netsetup/attach/links.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/io.h"
#include "netsetup/link/listing.h"

namespace shoji::net {

namespace {

Result<> write_if_different(const std::string& path, std::string_view value) {
  Result<std::string> now = read_file(path, 64);
  // Without IPv6 in the kernel there is nothing to turn on.
  if (!now && now.error().kind == Kind::kNotFound) return {};
  if (now && std::string_view(*now).starts_with(value)) return {};
  return write_kernel_file(path, value);
}

bool has_family(const Network& network, Family family) {
  return std::ranges::any_of(network.subnets,
                             [&](const Subnet& subnet) { return subnet.prefix.address.family() == family; });
}

// ip-sysctl.rst of the kernel. route_localnet lets 127.0.0.1 of the host reach published ports; it is the interface's own.
Result<> allow_forwarding(const Network& network, const std::string& interface) {
  if (has_family(network, Family::kIpv4)) {
    TRY(write_if_different("/proc/sys/net/ipv4/ip_forward", "1"));
    TRY(write_if_different(cat("/proc/sys/net/ipv4/conf/", interface, "/route_localnet"), "1"));
  }
  if (has_family(network, Family::kIpv6))
    TRY(write_if_different("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
  return {};
}

// From when a bridge has its first port the kernel asks whether its link-local address is somebody else's, for up to 2 s
// (RFC 4862, section 5.4), and until then asks for no neighbour: over IPv6 no packet from outside would reach the first
// partition. Nobody else has the address, it is made of the bridge's own MAC. Before the first port comes.
Result<> trust_link_local(const Network& network, const std::string& bridge) {
  if (!has_family(network, Family::kIpv6)) return {};
  return write_if_different(cat("/proc/sys/net/ipv6/conf/", bridge, "/accept_dad"), "0");
}

Result<> add_macvlan_of(Batch& batch, RouteSocket& host, const LinkPlan& plan) {
  TRY_ASSIGN(int parent, host.index_of(plan.network->parent));
  constexpr std::pair<std::string_view, MacvlanMode> kModes[] = {{"private", MacvlanMode::kPrivate},
                                                                 {"vepa", MacvlanMode::kVepa},
                                                                 {"bridge", MacvlanMode::kBridge},
                                                                 {"passthru", MacvlanMode::kPassthru}};
  const auto* mode =
      std::ranges::find(kModes, plan.network->mode, &std::pair<std::string_view, MacvlanMode>::first);
  add_macvlan(batch, plan.attachment->interface,
              {.parent = parent,
               .mode = mode->second,
               .mac = plan.attachment->mac,
               .mtu = plan.network->mtu,
               .netns = plan.netns});
  return {};
}

// A routed partition's way back: the host's gateway addresses on its end, and a route for each address. The one who had
// the address before may still be on its way out.
Result<> add_host_routes(Batch& batch, int index, const LinkPlan& plan) {
  const Attachment& attachment = *plan.attachment;
  TRY(allow_forwarding(*plan.network, attachment.host_interface));
  for (size_t i = 0; i < attachment.addresses.size(); ++i) {
    const Address& gateway = attachment.gateways[i];
    add_address(batch, index, {gateway, static_cast<uint8_t>(gateway.family() == Family::kIpv4 ? 32 : 64)});
    add_route(batch, index, {.destination = attachment.addresses[i], .gateway = {}, .replace = true});
  }
  return {};
}

// What the kernel's words for a link that cannot be made mean here.
Failure explain(std::span<const LinkPlan> plans, Error error) {
  if (error.err == EXFULL) {
    // BR_MAX_PORTS of net/bridge/br_private.h.
    error.text +=
        "; a bridge has 1,023 ports at most, a network of kind routed as many as there are addresses";
    error.kind = Kind::kState;
  }
  if (error.err != EEXIST) return Failure(std::move(error));
  for (const LinkPlan& plan : plans) {
    Result<RouteSocket> there = RouteSocket::open_in(plan.netns);
    if (there && there->index_of(plan.attachment->interface))
      return fail(Kind::kExists, cat(attach_subject(*plan.attachment), ": its namespace has an interface ",
                                     quote(plan.attachment->interface), " already"));
  }
  return Failure(std::move(error));
}

// What can be said of host's ends once they have an index.
Result<> set_up_host_ends(RouteSocket& host, std::span<const LinkPlan> plans) {
  Batch batch;
  for (const LinkPlan& plan : plans) {
    if (plan.network->kind == NetworkKind::kMacvlan) continue;
    const Attachment& attachment = *plan.attachment;
    batch.about(attach_subject(attachment));
    TRY_ASSIGN(int index, host.index_of(attachment.host_interface));
    stop_link_local(batch, index);
    if (plan.network->kind == NetworkKind::kRouted) {
      TRY(add_host_routes(batch, index, plan));
    } else {
      set_hairpin(batch, attachment.host_interface);
      add_bridge_address(batch, index, attachment.mac);
    }
  }
  return batch.empty() ? Result<>{} : batch.send(host);
}

}  // namespace

Result<std::string> new_host_interface(RouteSocket& host, const Address& address) {
  uint32_t number = 0;
  if (address.family() == Family::kIpv4) {
    for (size_t i = 0; i < 4; ++i) number = (number << 8U) | address.bytes()[i];
  } else {
    number = 2166136261U;
    for (size_t i = 0; i < 16; ++i) number = (number ^ address.bytes()[i]) * 16777619U;
  }
  std::string stem = address.family() == Family::kIpv4 ? "sj" : "sk";
  for (int shift = 28; shift >= 0; shift -= 4)
    stem += "0123456789abcdef"[(number >> static_cast<unsigned>(shift)) & 15U];
  constexpr int kAttempts = 100;  // of 1,024 names, of which a few are on their way out
  for (int i = 0; i < kAttempts; ++i) {
    std::string out = stem;
    uint8_t chance[2];
    if (getrandom(chance, sizeof chance, 0) != sizeof chance) return fail_errno(errno, "getrandom");
    for (uint8_t byte : chance) out += "0123456789abcdefghijkmnpqrstvwxyz"[byte % 32];
    if (!host.index_of(out)) return out;
  }
  return fail(Kind::kExists, cat("every name of an interface for ", address.text(), " is taken"));
}

std::vector<Route> partition_routes(const Network& network, const Attachment& attachment) {
  std::vector<Route> out;
  bool routed = network.kind == NetworkKind::kRouted;
  for (const Address& gateway : attachment.gateways) {
    if (!attachment.default_route || network.internal) break;
    const uint8_t zero[16] = {};
    out.push_back({.destination = {Address::from_bytes(gateway.family(), zero), 0},
                   .gateway = gateway,
                   .on_link = routed,
                   .metric = attachment.metric});
  }
  for (const StaticRoute& route : network.routes) {
    std::optional<Address> gateway = route.gateway;
    // A routed partition has no neighbour but the host.
    for (const Address& candidate : attachment.gateways)
      if (routed && !gateway && candidate.family() == route.destination.address.family()) gateway = candidate;
    out.push_back({.destination = {route.destination.first(), route.destination.length},
                   .gateway = gateway,
                   .on_link = routed,
                   .metric = route.metric});
  }
  return out;
}

std::string attach_subject(const Attachment& attachment) {
  return cat("attach ", quote(attachment.partition), " to network ", quote(attachment.network));
}

// Up is the last step: a bridge that is down was left by a kill, or somebody else is just making it, and then what is
// below is done twice.
Result<> bring_up_network(RouteSocket& host, const Network& network) {
  if (network.kind != NetworkKind::kBridge) return {};
  std::string name = network.interface_name();
  if (host.is_up(name)) return {};
  Batch batch;
  if (!host.index_of(name)) {
    std::optional<Mac> mac;
    if (!network.subnets.empty())
      mac = mac_for(network.subnets[0].gateway.value_or(network.subnets[0].prefix.first()));
    add_bridge(batch, name, {.mac = mac, .up = false});
    if (Result<> made = batch.send(host); !made && made.error().kind != Kind::kExists) return made;
  }
  TRY_ASSIGN(int index, host.index_of(name));
  TRY(trust_link_local(network, name));
  TRY(allow_forwarding(network, name));
  LinkChange change{.up = {}, .mac = {}, .mtu = {}, .master = {}, .name = {}};
  // Not with the bridge: only a change keeps it from following its ports.
  if (network.mtu != 0) {
    change.mtu = network.mtu;
    change_link(batch, index, change, cat("change bridge ", quote(name)));
  }
  for (const Subnet& subnet : network.subnets)
    if (subnet.gateway) ensure_address(batch, index, {*subnet.gateway, subnet.prefix.length});
  change.up = true;
  change_link(batch, index, change, cat("bring up bridge ", quote(name)));
  return batch.send(host);
}

Result<> adjust_network(RouteSocket& host, const Network& network) {
  if (network.kind != NetworkKind::kBridge) return {};
  TRY(bring_up_network(host, network));
  std::string name = network.interface_name();
  TRY_ASSIGN(int index, host.index_of(name));
  TRY_ASSIGN(std::vector<AddressFacts> there, list_addresses(host));
  std::vector<Prefix> wanted;
  for (const Subnet& subnet : network.subnets)
    if (subnet.gateway) wanted.push_back({*subnet.gateway, subnet.prefix.length});
  Batch batch;
  LinkChange change{.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}};
  constexpr uint32_t kDefaultMtu = 1500;  // ETH_DATA_LEN
  change.mtu = network.mtu != 0 ? network.mtu : kDefaultMtu;
  change_link(batch, index, change, cat("change bridge ", quote(name)));
  const Prefix link_local{.address = link_local_address({}).address, .length = 64};
  for (const AddressFacts& facts : there) {
    if (facts.index != index) continue;
    if (std::erase(wanted, facts.address) == 0 && !link_local.contains(facts.address.address))
      remove_address(batch, index, facts.address);
  }
  for (const Prefix& address : wanted) add_address(batch, index, address);
  TRY(batch.send(host));
  return allow_forwarding(network, name);
}

Result<> make_links(RouteSocket& host, std::span<const LinkPlan> plans) {
  Batch batch;
  const Network* last = nullptr;
  int bridge = 0;
  for (const LinkPlan& plan : plans) {
    const Attachment& attachment = *plan.attachment;
    batch.about(attach_subject(attachment));
    if (plan.network->kind == NetworkKind::kMacvlan) {
      TRY(add_macvlan_of(batch, host, plan));
      continue;
    }
    if (plan.network != last) {
      last = plan.network;
      bridge = 0;
      if (plan.network->kind == NetworkKind::kBridge) {
        TRY_ASSIGN(bridge, host.index_of(plan.network->interface_name()));
      }
    }
    add_veth(batch, {.name = attachment.host_interface, .mac = {}},
             {.name = attachment.interface, .mac = attachment.mac, .netns = plan.netns},
             {.mtu = plan.network->mtu, .master = bridge});
  }
  if (Result<> made = batch.send(host); !made) return explain(plans, std::move(made.error()));
  return set_up_host_ends(host, plans);
}

Result<> configure_partition(std::span<const LinkPlan> plans) {
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(plans.front().netns));
  Batch batch;
  change_link(batch, kLoopbackIndex, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
              "bring up lo");
  for (const LinkPlan& plan : plans) {
    const Attachment& attachment = *plan.attachment;
    batch.about(attach_subject(attachment));
    TRY_ASSIGN(int index, there.index_of(attachment.interface));
    stop_link_local(batch, index);
    change_link(batch, index, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
                cat("bring up ", quote(attachment.interface)));
    if (has_family(*plan.network, Family::kIpv6))
      add_address(batch, index, link_local_address(attachment.mac));
    for (const Prefix& address : attachment.addresses) add_address(batch, index, address);
    for (const Route& route : partition_routes(*plan.network, attachment)) add_route(batch, index, route);
  }
  TRY(batch.send(there));
  for (const LinkPlan& plan : plans) there.settle_carrier(plan.attachment->interface);
  return {};
}

void settle_links(RouteSocket& host, std::span<const LinkPlan> plans) {
  const Network* last = nullptr;
  for (const LinkPlan& plan : plans)
    if (plan.attachment->has_host_end()) host.settle_carrier(plan.attachment->host_interface);
  // A bridge has a carrier when one of its ports has.
  for (const LinkPlan& plan : plans)
    if (plan.network->kind == NetworkKind::kBridge && std::exchange(last, plan.network) != plan.network)
      host.settle_carrier(plan.network->interface_name());
}

}  // namespace shoji::net
