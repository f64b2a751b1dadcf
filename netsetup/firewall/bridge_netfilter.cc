#include "netsetup/firewall/bridge_netfilter.h"

#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "base/spawn.h"

namespace shoji::net {

namespace {

constexpr char kSettings[] = "/proc/sys/net/bridge";

bool has_rules(const FirewallEndpoint& endpoint) {
  return !endpoint.rules.empty() && !endpoint.host_interface.empty();
}

}  // namespace

bool bridges_skip_rules(const std::vector<FirewallEndpoint>& endpoints, Family family) {
  bool concerned = std::ranges::any_of(endpoints, [&](const FirewallEndpoint& endpoint) {
    return has_rules(endpoint) && std::ranges::any_of(endpoint.addresses, [&](const Address& address) {
             return address.family() == family;
           });
  });
  if (!concerned) return false;
  Result<std::string> value =
      read_file(cat(kSettings, "/bridge-nf-call-", family == Family::kIpv4 ? "ip" : "ip6", "tables"), 16);
  return !value || !value->starts_with('1');
}

void load_bridge_netfilter(const std::vector<FirewallEndpoint>& endpoints) {
  if (!std::ranges::any_of(endpoints, has_rules) || access(kSettings, F_OK) == 0) return;
  // The program that the kernel itself would call (sysctl/kernel.rst).
  Result<std::string> modprobe = read_file("/proc/sys/kernel/modprobe", 4096);
  if (!modprobe) return;
  while (modprobe->ends_with('\n')) modprobe->pop_back();
  constexpr int kPatience = 10000;  // ms
  ignore(run_captured({.path = *modprobe, .args = {"modprobe", "-q", "br_netfilter"}, .env = {}, .join = {}},
                      "", kPatience),
         "a check tells that rules do not hold on bridges");
}

}  // namespace shoji::net
