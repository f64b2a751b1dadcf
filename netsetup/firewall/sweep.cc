#include "netsetup/firewall/sweep.h"

#include "netsetup/firewall/firewall.h"

namespace shoji::net {

Result<> sweep_endpoints(const std::vector<FirewallEndpoint>& endpoints) {
  TRY_ASSIGN(Firewall firewall, Firewall::open());
  return firewall.remove(endpoints);
}

}  // namespace shoji::net
