#include "netsetup/attach/attach.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "netsetup/link/requests.h"

namespace shoji::net {

namespace {

// The gateway of routed partitions: the same two addresses on every host's end, of link scope, so that a partition needs
// no neighbour but the host (RFC 3927, RFC 4291).
constexpr const char* kRoutedGateways[] = {"169.254.1.1", "fe80::1"};

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

// Unique by the address, which nobody else has: networks do not overlap.
std::string host_interface_for(const Address& address) {
  uint32_t number = 0;
  if (address.family() == Family::kIpv4) {
    for (size_t i = 0; i < 4; ++i) number = (number << 8U) | address.bytes()[i];
  } else {
    number = 2166136261U;
    for (size_t i = 0; i < 16; ++i) number = (number ^ address.bytes()[i]) * 16777619U;
  }
  std::string out = address.family() == Family::kIpv4 ? "sj" : "sk";
  for (int shift = 28; shift >= 0; shift -= 4)
    out += "0123456789abcdef"[(number >> static_cast<unsigned>(shift)) & 15U];
  return out;
}

uint8_t prefix_length(const Network& network, const Subnet& subnet) {
  if (network.kind == NetworkKind::kRouted) return static_cast<uint8_t>(subnet.prefix.address.bits());
  return subnet.prefix.length;
}

// One address for each subnet: the wanted one that lies in it, or a leased one.
Result<> lease_addresses(const NetworkStore& store, const Network& network, const AttachRequest& request,
                         Attachment& out) {
  TRY_ASSIGN(std::string boot, current_boot_id());
  std::vector<LeasePool> pools = lease_pools(store, network);
  for (const Address& wanted : request.addresses)
    if (std::ranges::none_of(network.subnets,
                             [&](const Subnet& subnet) { return subnet.prefix.contains(wanted); }))
      return fail(Kind::kInvalid,
                  cat("address ", wanted.text(), " is in no subnet of network ", quote(network.name)));
  for (size_t i = 0; i < network.subnets.size(); ++i) {
    const Subnet& subnet = network.subnets[i];
    auto wanted = std::ranges::find_if(
        request.addresses, [&](const Address& address) { return subnet.prefix.contains(address); });
    Address address;
    if (wanted != request.addresses.end()) {
      TRY(lease_address(pools[i], *wanted, request.partition, boot));
      address = *wanted;
    } else {
      TRY_ASSIGN(address, lease_any(pools[i], request.partition, boot));
    }
    out.addresses.push_back({address, prefix_length(network, subnet)});
    if (network.kind == NetworkKind::kRouted) {
      TRY_ASSIGN(Address gateway, Address::parse(kRoutedGateways[address.family() == Family::kIpv4 ? 0 : 1]));
      out.gateways.push_back(gateway);
    } else if (subnet.gateway) {
      out.gateways.push_back(*subnet.gateway);
    }
  }
  return {};
}

Result<> release_addresses(const NetworkStore& store, const Attachment& attachment) {
  LeasePool pool{.directory = store.directory_of(attachment.network) + "/leases",
                 .first = {},
                 .last = {},
                 .reserved = {}};
  for (const Prefix& address : attachment.addresses)
    TRY(release_address(pool, address.address, attachment.partition));
  return {};
}

std::string record_path(const NetworkStore& store, const Attachment& attachment) {
  return cat(store.run, "/attachments/", attachment.partition, '/', attachment.network);
}

// The host's end and the partition's end; the latter is in the partition's namespace at once.
Result<> make_links(RouteSocket& host, const Network& network, const AttachRequest& request,
                    const Attachment& attachment) {
  Batch batch;
  if (network.kind == NetworkKind::kMacvlan) {
    TRY_ASSIGN(int parent, host.index_of(network.parent));
    constexpr std::pair<std::string_view, MacvlanMode> kModes[] = {{"private", MacvlanMode::kPrivate},
                                                                   {"vepa", MacvlanMode::kVepa},
                                                                   {"bridge", MacvlanMode::kBridge},
                                                                   {"passthru", MacvlanMode::kPassthru}};
    const auto* mode =
        std::ranges::find(kModes, network.mode, &std::pair<std::string_view, MacvlanMode>::first);
    add_macvlan(batch, request.interface,
                {.parent = parent,
                 .mode = mode->second,
                 .mac = attachment.mac,
                 .mtu = network.mtu,
                 .netns = request.netns});
    return batch.send(host);
  }
  int bridge = 0;
  if (network.kind == NetworkKind::kBridge) {
    TRY_ASSIGN(bridge, host.index_of(network.interface_name()));
  }
  add_veth(batch, {.name = attachment.host_interface, .mac = {}},
           {.name = request.interface, .mac = attachment.mac, .netns = request.netns},
           {.mtu = network.mtu, .master = bridge});
  if (bridge != 0) set_hairpin(batch, attachment.host_interface);
  return batch.send(host);
}

// A routed partition's way back: the host's gateway addresses on its end, and a route for each address.
Result<> make_host_routes(RouteSocket& host, const Network& network, const Attachment& attachment) {
  if (network.kind != NetworkKind::kRouted) return {};
  TRY_ASSIGN(int index, host.index_of(attachment.host_interface));
  TRY(allow_forwarding(network, attachment.host_interface));
  Batch batch;
  for (size_t i = 0; i < attachment.addresses.size(); ++i) {
    const Address& gateway = attachment.gateways[i];
    add_address(batch, index, {gateway, static_cast<uint8_t>(gateway.family() == Family::kIpv4 ? 32 : 64)});
    add_route(batch, index, {.destination = attachment.addresses[i], .gateway = {}});
  }
  return batch.send(host);
}

Result<> configure_partition(const Network& network, const AttachRequest& request,
                             const Attachment& attachment) {
  TRY_ASSIGN(RouteSocket there, RouteSocket::open_in(request.netns));
  TRY_ASSIGN(int index, there.index_of(request.interface));
  Batch batch;
  change_link(batch, kLoopbackIndex, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
              "bring up lo");
  change_link(batch, index, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}},
              cat("bring up ", quote(request.interface)));
  for (const Prefix& address : attachment.addresses) add_address(batch, index, address);
  bool routed = network.kind == NetworkKind::kRouted;
  for (const Address& gateway : attachment.gateways) {
    Prefix everywhere{.address = Address::from_bytes(gateway.family(), Address().bytes()), .length = 0};
    if (request.default_route && !network.internal)
      add_route(batch, index, {.destination = everywhere, .gateway = gateway, .on_link = routed});
  }
  for (const StaticRoute& route : network.routes)
    add_route(batch, index,
              {.destination = route.destination,
               .gateway = route.gateway,
               .on_link = routed,
               .metric = route.metric});
  return batch.send(there);
}

Result<> make_everything(const NetworkStore& store, RouteSocket& host, const Network& network,
                         const AttachRequest& request, const Attachment& attachment) {
  std::string path = record_path(store, attachment);
  TRY(make_directories(path.substr(0, path.rfind('/')), 0700));
  TRY(write_file_atomically(path, print_attachment(attachment), 0600));
  TRY(make_links(host, network, request, attachment));
  TRY(make_host_routes(host, network, attachment));
  TRY(configure_partition(network, request, attachment));
  if (request.rates.in == 0 && request.rates.out == 0) return {};
  if (attachment.host_interface.empty())
    return fail(Kind::kUnsupported,
                cat("network ", quote(network.name), ": rates need a network of kind bridge or routed"));
  return set_rates(host, attachment.host_interface, request.rates, network.mtu);
}

}  // namespace

Result<> bring_up_network(RouteSocket& host, const Network& network) {
  if (network.kind != NetworkKind::kBridge) return {};
  std::string name = network.interface_name();
  if (host.index_of(name)) return {};
  Batch batch;
  std::optional<Mac> mac;
  if (!network.subnets.empty())
    mac = mac_for(network.subnets[0].gateway.value_or(network.subnets[0].prefix.first()));
  add_bridge(batch, name, {.mac = mac, .mtu = network.mtu});
  if (Result<> made = batch.send(host); !made) {
    // Another verb was quicker: it does the rest, and what is below may be done twice.
    if (made.error().kind != Kind::kExists) return made;
  }
  TRY_ASSIGN(int index, host.index_of(name));
  for (const Subnet& subnet : network.subnets)
    if (subnet.gateway) add_address(batch, index, {*subnet.gateway, subnet.prefix.length});
  Result<> addressed = batch.empty() ? Result<>{} : batch.send(host);
  if (!addressed && addressed.error().kind != Kind::kExists) return addressed;
  return allow_forwarding(network, name);
}

Result<Attachment> attach(const NetworkStore& store, RouteSocket& host, const Network& network,
                          const AttachRequest& request) {
  if (network.kind == NetworkKind::kCni)
    return fail(Kind::kUnsupported,
                cat("network ", quote(network.name), " of kind cni is attached by its plugins"));
  TRY(check_interface_name(request.interface));
  TRY(bring_up_network(host, network));
  Attachment out{.partition = request.partition,
                 .network = network.name,
                 .interface = request.interface,
                 .netns = {},
                 .kind = network.kind,
                 .host_interface = {},
                 .mac = {},
                 .addresses = {},
                 .gateways = {},
                 .ports = request.ports,
                 .rules = request.rules,
                 .rates = request.rates};
  Result<> made = lease_addresses(store, network, request, out);
  if (made) {
    out.mac = request.mac.value_or(mac_for(out.addresses[0].address));
    if (network.kind != NetworkKind::kMacvlan)
      out.host_interface = host_interface_for(out.addresses[0].address);
    made = make_everything(store, host, network, request, out);
  }
  if (made) return out;
  ignore(detach(store, host, out), "the first error counts; the record tells the next verb what is left");
  return Failure(
      within(cat("attach ", quote(request.partition), " to network ", quote(network.name)), made.error()));
}

Result<> detach(const NetworkStore& store, RouteSocket& host, const Attachment& attachment) {
  if (!attachment.host_interface.empty()) {
    if (attachment.rates.out != 0) TRY(remove_rates(host, attachment.host_interface));
    Batch batch;
    remove_link(batch,
                attachment.host_interface);  // and the other end with it, in whatever namespace that is
    TRY(batch.send(host));
  }
  TRY(release_addresses(store, attachment));
  std::string path = record_path(store, attachment);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  rmdir(path.substr(0, path.rfind('/')).c_str());  // the partition's last one
  return {};
}

FirewallEndpoint firewall_endpoint(const Attachment& attachment) {
  FirewallEndpoint out{.partition = attachment.partition,
                       .network = attachment.network,
                       .host_interface = attachment.host_interface,
                       .mac = attachment.mac,
                       .addresses = {},
                       .ports = attachment.ports,
                       .rules = attachment.rules};
  for (const Prefix& address : attachment.addresses) out.addresses.push_back(address.address);
  return out;
}

FirewallNetwork firewall_network(const Network& network) {
  FirewallNetwork out{.name = network.name,
                      .interface = network.interface_name(),
                      .subnets = {},
                      .nat = network.nat,
                      .internal = network.internal,
                      .isolated = network.isolated};
  for (const Subnet& subnet : network.subnets) out.subnets.push_back(subnet.prefix);
  return out;
}

}  // namespace shoji::net
