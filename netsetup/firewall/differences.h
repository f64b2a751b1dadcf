#pragma once
// What is in our tables otherwise than the data says.
#include "netsetup/firewall/firewall.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

// A sentence for each kind of fault; empty when all is well.
Result<std::vector<std::string>> find_differences(NetfilterSocket& socket,
                                                  const std::vector<FirewallNetwork>& networks,
                                                  const std::vector<FirewallEndpoint>& endpoints,
                                                  const std::vector<ServiceRow>& services);

}  // namespace shoji::net
