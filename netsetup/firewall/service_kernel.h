#pragma once
// Reads a virtual service back from the kernel.
#include <optional>
#include <string>
#include <vector>

#include "netsetup/firewall/rules.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

// The row of slots; nullopt when the service is not there, not whole, or spreads in another way.
Result<std::optional<std::vector<std::string>>> read_service_row(NetfilterSocket& socket,
                                                                 const VirtualService& service);

}  // namespace shoji::net
