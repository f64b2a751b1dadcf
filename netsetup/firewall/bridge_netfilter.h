#pragma once
// Packets between two ports of a bridge meet rules for IP only where br_netfilter hands them over (sysctl
// net.bridge.bridge-nf-call-iptables, ip-sysctl.rst).
#include "netsetup/firewall/rules.h"

namespace shoji::net {

// Whether rules of these endpoints do not hold between partitions of one bridge.
bool bridges_skip_rules(const std::vector<FirewallEndpoint>& endpoints, Family family);

// Loads the module for endpoints with rules, unless it is there. It may not be to be had: then a check says so.
void load_bridge_netfilter(const std::vector<FirewallEndpoint>& endpoints);

}  // namespace shoji::net
