#pragma once
// The counters of interfaces, many in one look.
#include <string>
#include <unordered_map>
#include <vector>

#include "netsetup/usage/usage_file.h"

namespace shoji::net {

// Of the host's interfaces of these names; those that are not there are left out. A few are asked for by name, more are
// one dump of all.
Result<std::unordered_map<std::string, Reading>> read_interfaces(RouteSocket& host,
                                                                 const std::vector<std::string>& names);

// How many packets the limits of interfaces of these indexes have thrown away (struct gnet_stats_queue): an interface does
// not count these itself. An interface without a limit is left out.
Result<std::unordered_map<int, uint64_t>> read_queue_drops(RouteSocket& host,
                                                           const std::vector<int>& indexes);

}  // namespace shoji::net
