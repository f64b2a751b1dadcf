#pragma once
// Rate limits and counters of a partition's interface: tc(8)'s objects through rtnetlink. Limits hold on the host's end
// of the veth, where a partition cannot change them: what goes into it leaves that end (TBF there), what comes out of it
// enters there (an ingress qdisc that redirects to an ifb with a TBF). A queue and not a policer for that too: nftables'
// limit lets through a second's worth at once, and TCP behind one that drops swings by 30 %.
#include <cstdint>

#include "netsetup/link/netlink.h"

namespace shoji::net {

struct Rates {
  uint64_t in = 0, out = 0;              // bytes of data per second, seen from the partition; 0: no limit
  uint64_t burst_in = 0, burst_out = 0;  // bytes; 0: what 10 ms at the rate need, at least two full packets
};
// Replaces what was there, and where there was a limit before nothing that waits is lost. No more than 50 ms of packets wait,
// however many come. `name` is the host's end; its ifb is named after it.
Result<> set_rates(RouteSocket& host, const std::string& name, const Rates& rates, uint32_t mtu);
// What the queue's own rate is then (tc(8) prints it in bits): frames, with their headers.
uint64_t frame_rate(uint64_t rate, uint32_t mtu);
// The ifb of a host's end: it stays when that is gone.
std::string rate_interface(const std::string& name);
Result<> remove_rates(RouteSocket& host, const std::string& name);

struct Counters {
  uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0, packets_out = 0, dropped_in = 0, dropped_out = 0;
};
// Of the interface since it was made, seen from the partition (rtnl_link_stats64).
Result<Counters> read_counters(RouteSocket& host, const std::string& name);

}  // namespace shoji::net
