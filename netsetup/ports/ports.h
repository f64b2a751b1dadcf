#pragma once
// Who publishes which port of the host: one file for each, made by link(2) as leases are, so that two cannot have one.
//
//   RUN/ports/tcp-80-any, RUN/ports/udp-53-192.0.2.1      "HOLDER\n"
#include <string>
#include <vector>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

// Claims all of `ports` for `holder` (`partition "web1"`, `service "www"`), or none. kExists says who has the first one
// that is taken: another holder, or a process of the host that listens there (by its name and pid, from /proc). A port on one
// address of the host may be claimed while another holder has it on every address: the named address wins. Families: those
// of the target addresses, for ports without a host address.
Result<> claim_ports(const std::string& run, const std::string& holder,
                     const std::vector<PublishedPort>& ports, const std::vector<Family>& families);
// What is not `holder`'s stays.
Result<> release_ports(const std::string& run, const std::string& holder,
                       const std::vector<PublishedPort>& ports);

struct PortClaim {
  std::string holder;
  PublishedPort port;  // one port; target is not used
};
Result<std::vector<PortClaim>> list_ports(const std::string& run);

}  // namespace shoji::net
