#pragma once
// Endpoints that may be in the firewall in part, or not at all: after a kill, or after somebody flushed the ruleset. Slower
// than Firewall::remove(), which knows that everything is there.
#include "netsetup/firewall/rules.h"

namespace shoji::net {

Result<> sweep_endpoints(const std::vector<FirewallEndpoint>& endpoints);

}  // namespace shoji::net
