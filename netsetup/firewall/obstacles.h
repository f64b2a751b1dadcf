#pragma once
// What on the host keeps our rules from working as they are meant to, and is not ours to change.
#include "netsetup/firewall/rules.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

Result<std::vector<std::string>> find_obstacles(NetfilterSocket& socket,
                                                const std::vector<FirewallNetwork>& networks,
                                                const std::vector<FirewallEndpoint>& endpoints);

}  // namespace shoji::net
