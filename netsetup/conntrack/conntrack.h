#pragma once
// The kernel's table of connections, over ctnetlink (linux/netfilter/nfnetlink_conntrack.h).
#include <span>
#include <string>
#include <vector>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

struct ConnectionTarget {  // where connections go to, after translation
  Address address;
  uint16_t port = 0;  // 0: any
  Protocol protocol = Protocol::kTcp;
};
// How many connections lead to each target now: TCP ones that are open (up to and including FIN_WAIT/CLOSE_WAIT, not
// TIME_WAIT nor CLOSE), UDP ones that the kernel has not forgotten. One dump whatever the number of targets.
Result<std::vector<size_t>> count_connections(std::span<const ConnectionTarget> targets);
// Forgets every entry that leads to or comes from one of `addresses`: an address that gets a new holder must not
// inherit translations (UDP entries live for minutes).
Result<> forget_connections(std::span<const Address> addresses);

}  // namespace shoji::net
