#pragma once
// What attaches a partition to a network, as data and as its parts: addresses, and the record of what was made. Interfaces
// are made by netsetup/attach/links.h, everything together by netsetup/host/host_networks.h.
#include "netsetup/attach/network_store.h"
#include "netsetup/firewall/rules.h"
#include "netsetup/link/netlink.h"
#include "netsetup/shape/shape.h"

namespace shoji::net {

struct AttachRequest {
  std::string partition;
  std::string network;
  int netns = -1;                  // of the partition
  std::string interface{};         // there; empty: the first free one of eth0, eth1, ...
  std::vector<Address> addresses;  // wanted ones; the others are leased, one per subnet
  std::optional<Mac> mac;          // default: mac_for() of the first address
  bool default_route = true;       // the first network's counts, the others' are for when that one is gone
  std::vector<PublishedPort> ports;
  std::vector<AccessRule> rules;
  Rates rates;
};

struct Attachment {
  std::string partition, network, interface;
  std::string netns;  // path of the partition's namespace
  // Its inode number: a path below /proc may lead to another one by now. 0: not known.
  uint64_t netns_id = 0;
  NetworkKind kind = NetworkKind::kBridge;
  std::string host_interface;  // empty: macvlan; cni: what its plugins say
  Mac mac;
  std::vector<Prefix> addresses;  // as the partition's interface has them
  std::vector<Address> gateways;
  std::vector<PublishedPort> ports;
  std::vector<AccessRule> rules;
  Rates rates;
  bool default_route = true;
  uint32_t metric = 0;  // of the default routes

  // An interface of ours on the host, where firewall, rates and counters are.
  [[nodiscard]] bool has_host_end() const { return kind != NetworkKind::kCni && !host_interface.empty(); }
};

// [A-Za-z0-9_+.-]+, as ids of containers; at most 200 characters, because files are named after it.
Result<> check_partition_name(std::string_view name);

// One address for each subnet of the network, and the gateways, into `out`. A failure leaves what was leased so far: it
// is in `out`.
Result<> lease_addresses(const NetworkStore& store, const Network& network, const AttachRequest& request,
                         Attachment& out);
Result<> release_addresses(const NetworkStore& store, const Attachment& attachment);
// Every address that the network's leases say is the partition's: when nobody knows which were given.
Result<> release_every_address(const NetworkStore& store, const std::string& partition,
                               const std::string& network);

Result<> write_record(const NetworkStore& store, const Attachment& attachment);
// Not there is fine.
Result<> remove_record(const NetworkStore& store, const std::string& partition, const std::string& network);
// "": of all partitions. Records that cannot be read are passed over, with a warning.
Result<std::vector<Attachment>> list_attachments(const NetworkStore& store, std::string_view partition);
struct DamagedRecord {
  std::string path, why;
};
Result<std::vector<DamagedRecord>> damaged_records(const NetworkStore& store);

Result<std::vector<std::string>> list_attached_partitions(const NetworkStore& store);

FirewallEndpoint firewall_endpoint(const Attachment& attachment);
FirewallNetwork firewall_network(const Network& network);

// The record's form: one line, or several for people.
std::string print_attachment(const Attachment& attachment, bool one_line = false);
Result<Attachment> parse_attachment(std::string text, std::string_view source);

}  // namespace shoji::net
