#pragma once
// The counters of interfaces, many in one look.
#include <string>
#include <unordered_map>
#include <vector>

#include "netsetup/usage/usage_file.h"

namespace shoji::net {

// Of the host's ends of these names; those that are not there are left out. A few are asked for by name, more are one
// dump of all veth interfaces.
Result<std::unordered_map<std::string, Reading>> read_interfaces(RouteSocket& host,
                                                                 const std::vector<std::string>& names);

}  // namespace shoji::net
