#pragma once
// The interfaces of attachments: host's ends, partition's ends, their addresses and routes. Many at once are one batch on
// the host and one in each partition's namespace.
#include <span>

#include "netsetup/attach/attach.h"
#include "netsetup/link/requests.h"

namespace shoji::net {

// Never the same for two interfaces, also not for the next one of the same address: the one before may still be on its
// way out with its namespace. "sj0a070002" and two characters by chance; "sk" for IPv6.
Result<std::string> new_host_interface(RouteSocket& host, const Address& address);

struct LinkPlan {
  const Network* network;
  Attachment* attachment;
  int netns;  // of the partition
};

// The bridge of a network with the host's addresses, forwarding and localhost routing; nothing to do when it is there.
Result<> bring_up_network(RouteSocket& host, const Network& network);
// An existing bridge gets the MTU and the host's addresses that the document names, and loses others.
Result<> adjust_network(RouteSocket& host, const Network& network);
// The ways back of a routed network to the partitions are part of it.
Result<> make_links(RouteSocket& host, std::span<const LinkPlan> plans);
// What is in the namespace; all `plans` are of one partition.
Result<> configure_partition(std::span<const LinkPlan> plans);
// The last step: from now on no packet is lost because an interface is not ready.
void settle_links(RouteSocket& host, std::span<const LinkPlan> plans);
// Those that configure_partition() makes.
std::vector<Route> partition_routes(const Network& network, const Attachment& attachment);
// Errors begin with it: `attach "web1" to network "farm"`.
std::string attach_subject(const Attachment& attachment);

}  // namespace shoji::net
