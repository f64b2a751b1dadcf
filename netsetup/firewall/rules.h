#pragma once
// What the firewall is to be, as data. netsetup/firewall/elements.h says what that is in the kernel, transaction.h changes it
// there, and ruleset.h writes all of it in nft's language.
//
// Tables of our own, `inet shoji` and `bridge shoji`; their chains are written once per boot or by a repair, and never again
// while partitions come and go: those are elements of maps and sets, so that an attach is one small transaction, foreign
// tables are not touched, and established connections are not disturbed. `netdev shoji` has quotas.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "netsetup/address/address.h"

namespace shoji::net {

enum class Protocol : uint8_t { kTcp, kUdp };
std::string_view protocol_name(Protocol protocol);

// HOSTIP:PORT[-PORT]:PORT/PROTOCOL
struct PublishedPort {
  std::optional<Address> host;  // none: every address of the host, of the target's family
  uint16_t port = 0;            // of the host; the first one of a range
  uint16_t count = 1;
  uint16_t target = 0;  // of the partition; ranges map one to one
  Protocol protocol = Protocol::kTcp;
  bool operator==(const PublishedPort&) const = default;
};
// "127.0.0.1:8080:80/tcp", "8080:80", "[fd00::1]:8080-8090:80-90/udp". `[::1]` is kUnsupported, with the reason.
Result<PublishedPort> parse_published_port(std::string_view text);
std::string print_published_port(const PublishedPort& port);

// One rule of a partition, first match wins; what no rule meets is allowed.
struct AccessRule {
  bool allow = true;
  bool incoming = true;
  std::optional<Prefix> peer;
  std::optional<Protocol> protocol;
  uint16_t first_port = 0, last_port = 0;  // 0: any
};

struct FirewallNetwork {
  std::string name, interface;  // the bridge, or the name that routed interfaces begin with
  std::vector<Prefix> subnets;
  bool nat = true, internal = false, isolated = false;
};

// One interface of one partition.
struct FirewallEndpoint {
  std::string partition, network;
  std::string host_interface;  // of the veth, on the host's side
  Mac mac;
  std::vector<Address> addresses;
  std::vector<PublishedPort> ports;
  std::vector<AccessRule> rules;
};

enum class Spread : uint8_t { kRoundRobin, kSourceHash };
struct ServiceMember {
  std::string partition;
  Address address;
  uint16_t port = 0;
  uint16_t weight = 1;  // 0: drained, takes no new connection
  bool healthy = true;  // false: the same, decided by its health check
};
struct VirtualService {
  std::string name;
  PublishedPort port;  // what clients connect to; target and count are not used
  Spread spread = Spread::kRoundRobin;
  std::vector<ServiceMember> members;  // of one family
  Family family = Family::kIpv4;       // while there are neither members nor a host address to say so
};
// That of the host's address, else of the members.
Family service_family(const VirtualService& service);

// How many bytes a partition may still send and receive, counted by the kernel on the host's ends of its interfaces
// together. What it receives counts with the Ethernet header of 14 bytes, what it sends without: so the two hooks see it.
struct PartitionQuota {
  std::string partition;
  std::vector<std::string> interfaces;  // of veths, on the host's side; they are there
  uint64_t used = 0, limit = 0;         // bytes
  uint64_t rate = 0;  // bytes per second, both ways together, once it is used up; 0: nothing passes
  std::chrono::system_clock::time_point until;  // from then on everything passes
};
struct QuotaReading {
  std::string partition;
  uint64_t used = 0, limit = 0;  // used: with what did not pass
};

}  // namespace shoji::net
