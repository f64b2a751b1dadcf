#pragma once
// Attaching partitions to networks: leases, interfaces, addresses and routes, rates. What the firewall has to know comes
// back as data (netsetup/firewall/rules.h).
//
// Before anything is made, a record says what will be: whoever comes after a kill removes exactly that.
#include "netsetup/attach/network_store.h"
#include "netsetup/firewall/rules.h"
#include "netsetup/link/netlink.h"
#include "netsetup/shape/shape.h"

namespace shoji::net {

struct AttachRequest {
  std::string partition;
  std::string network;
  int netns = -1;                  // of the partition
  std::string interface = "eth0";  // there
  std::vector<Address> addresses;  // wanted ones; the others are leased, one per subnet
  std::optional<Mac> mac;          // default: mac_for() of the first address
  bool default_route = true;
  std::vector<PublishedPort> ports;
  std::vector<AccessRule> rules;
  Rates rates;
};

struct Attachment {
  std::string partition, network, interface;
  std::string netns;  // path of the partition's namespace
  NetworkKind kind = NetworkKind::kBridge;
  std::string host_interface;  // empty: macvlan
  Mac mac;
  std::vector<Prefix> addresses;  // as the partition's interface has them
  std::vector<Address> gateways;
  std::vector<PublishedPort> ports;
  std::vector<AccessRule> rules;
  Rates rates;
};

// The bridge of a network with the host's addresses, forwarding and localhost routing; nothing to do when it is there.
Result<> bring_up_network(RouteSocket& host, const Network& network);
// What was made so far is taken back on an error.
Result<Attachment> attach(const NetworkStore& store, RouteSocket& host, const Network& network,
                          const AttachRequest& request);
// Works on a half-made one, on one whose namespace is gone, and twice.
Result<> detach(const NetworkStore& store, RouteSocket& host, const Attachment& attachment);
Result<std::vector<Attachment>> list_attachments(const NetworkStore& store,
                                                 std::string_view partition);  // "": of all

FirewallEndpoint firewall_endpoint(const Attachment& attachment);
FirewallNetwork firewall_network(const Network& network);

// The record's form.
std::string print_attachment(const Attachment& attachment);
Result<Attachment> parse_attachment(std::string text, std::string_view source);

}  // namespace shoji::net
