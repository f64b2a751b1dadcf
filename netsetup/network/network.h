#pragma once
// A network as a JSON document; unknown keys are refused, errors point at the fault.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "netsetup/address/address.h"

namespace shoji::net {

enum class NetworkKind : uint8_t { kBridge, kRouted, kMacvlan, kCni };
std::string_view kind_name(NetworkKind kind);

struct Subnet {
  Prefix prefix;                   // its network: no host bits
  std::optional<Address> gateway;  // the host's own address there; bridge: the first one unless named
  std::optional<Address> range_first, range_last;  // of leased addresses; others may be asked for by name
  bool operator==(const Subnet&) const = default;
  // What leases are given from.
  [[nodiscard]] Address first_lease() const;
  [[nodiscard]] Address last_lease() const;
};

struct StaticRoute {
  Prefix destination;
  std::optional<Address> gateway;
  uint32_t metric = 0;
  bool operator==(const StaticRoute&) const = default;
};

struct Network {
  std::string name;
  NetworkKind kind = NetworkKind::kBridge;
  std::vector<Subnet> subnets;      // IPv4 and IPv6
  std::string interface;            // of the bridge; empty: interface_name()
  std::string parent;               // macvlan: the host's interface
  std::string mode = "bridge";      // macvlan: private, vepa, bridge, passthru
  std::string cni;                  // name of a CNI configuration list
  uint32_t mtu = 0;                 // bytes; 0: the kernel's
  bool nat = true;                  // masquerade what leaves the host
  bool internal = false;            // no way out of the host
  bool isolated = false;            // no way to partitions of other networks
  std::vector<StaticRoute> routes;  // for the partitions
  std::vector<Address> dns;         // for their resolv.conf; empty: the host's
  std::vector<std::pair<std::string, std::string>> labels;

  // The bridge's interface, never longer than IFNAMSIZ allows.
  [[nodiscard]] std::string interface_name() const;
};

// `text` is the document, `source` opens the message.
Result<Network> parse_network(std::string text, std::string_view source);
std::string print_network(const Network& network);
// [a-z0-9][a-z0-9_.-]*, at most 63, and none of the words that mean something else: host, none, share, cni.
Result<> check_network_name(std::string_view name);
// kInvalid when a subnet of `network` overlaps one of another network, which the sentence names.
Result<> check_overlap(const Network& network, const std::vector<Network>& others);

}  // namespace shoji::net
