#pragma once
// Processes of the host that listen on a port (proc_net_tcp.rst of the kernel, proc(5)).
#include <optional>
#include <string>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

// `process "nginx" (pid 12)` for who listens on the port, in the caller's network namespace; nullopt: nobody. Without an
// address: on any of that family. A free port costs one bind(2); only a busy one is looked up.
std::optional<std::string> who_listens(Family family, const std::optional<Address>& address, uint16_t port,
                                       Protocol protocol);

}  // namespace shoji::net
