#pragma once
// The rtnetlink(7) requests that networks are made of, to be collected in a Batch. Interfaces that the batch itself makes
// have no index yet: they are named, or get an index that the caller chooses (in a new network namespace only lo has one).
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netsetup/address/address.h"
#include "netsetup/link/netlink.h"

namespace shoji::net {

inline constexpr int kLoopbackIndex = 1;  // of lo in every network namespace
inline constexpr size_t kInterfaceNameLimit = 15;

// dev_valid_name() of the kernel, and no `%`, which it would expand.
Result<> check_interface_name(std::string_view name);

struct VethEnd {
  std::string name;
  std::optional<Mac> mac;
  int index = 0;   // 0: the kernel chooses
  int netns = -1;  // descriptor of the namespace it appears in; -1: the socket's
};
struct VethOptions {
  uint32_t mtu = 0;  // bytes; 0: the kernel's
  int master = 0;    // index of the bridge of the near end; 0: none
};
// Both ends; the near one is up at once.
void add_veth(Batch& batch, const VethEnd& near, const VethEnd& far, const VethOptions& options);

struct BridgeOptions {
  std::optional<Mac> mac;  // fixed, else it changes with the ports
  uint32_t mtu = 0;
  bool up = true;
};
// Without spanning tree; group forwarding and multicast snooping are the kernel's defaults.
void add_bridge(Batch& batch, const std::string& name, const BridgeOptions& options);

// Lets the bridge send a packet back out of the port it came in by: a partition reaches itself through a port that it
// publishes (with bridge netfilter the translated packet is bridged, not routed).
void set_hairpin(Batch& batch, const std::string& port);

// Tells the bridge at which port a MAC is, so that it need not learn: another port may have had it a moment ago.
void add_bridge_address(Batch& batch, int port, const Mac& mac);

// IPv6 gives the interface no link-local address by itself: an own one, added without duplicate address detection, does
// not delay the first packets, and a port of a bridge needs none. Before the interface is up.
void stop_link_local(Batch& batch, int index);
// The address that IPv6 would give it (RFC 4291, appendix A), /64.
Prefix link_local_address(const Mac& mac);

enum class MacvlanMode : uint32_t { kPrivate = 1, kVepa = 2, kBridge = 4, kPassthru = 8 };
struct MacvlanOptions {
  int parent = 0;  // index
  MacvlanMode mode = MacvlanMode::kBridge;
  std::optional<Mac> mac;
  uint32_t mtu = 0;
  int netns = -1;
  int index = 0;
};
void add_macvlan(Batch& batch, const std::string& name, const MacvlanOptions& options);

struct LinkChange {
  std::optional<bool> up;
  std::optional<Mac> mac;
  std::optional<uint32_t> mtu;
  std::optional<int> master;  // 0: none
  std::string name;           // new name
  int netns = -1;             // move there
};
void change_link(Batch& batch, int index, const LinkChange& change, std::string what);
// Gone already is fine.
void remove_link(Batch& batch, const std::string& name);
// The same for many: the kernel waits once for all of a group (IFLA_GROUP), not some 15 ms for each.
Result<> remove_links(RouteSocket& host, std::span<const std::string> names);

// IPv6 without duplicate address detection: the address is usable at once, and nobody else can have it.
void add_address(Batch& batch, int index, const Prefix& address);
// There already is fine.
void ensure_address(Batch& batch, int index, const Prefix& address);
void remove_address(Batch& batch, int index, const Prefix& address);

struct Route {
  Prefix destination;
  std::optional<Address> gateway;
  bool on_link = false;  // the gateway is reachable although no prefix of ours covers it
  uint32_t metric = 0;
  bool replace = false;  // one to the same destination is taken over
};
void add_route(Batch& batch, int index, const Route& route);
void remove_route(Batch& batch, int index, const Route& route);
// An answer to ARP and neighbour discovery for `address` on interface `index` (arp(7), proxy_arp for one address).
void add_proxy_neighbour(Batch& batch, int index, const Address& address);

}  // namespace shoji::net
