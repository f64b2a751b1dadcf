#pragma once
// The month's quota of partitions in the kernel (netsetup/firewall/quota_rules.h), where it holds with nobody looking. The
// rule ends by itself at the end of the month; the first verb after that begins the next one.
//
//   RUN/quota-month    the month of the rules in the kernel; not there: there are none
#include <functional>

#include "netsetup/firewall/firewall.h"
#include "netsetup/usage/usage.h"

namespace shoji::net {

// Opens the firewall when it is needed: where nobody has a quota it is not.
using FirewallSource = std::function<Result<Firewall*>()>;

// Makes the kernel's quotas those of these partitions' files, for the interfaces that they have: after their records were
// written or removed. Those without a quota cost a look for a file.
Result<> arm_quotas(const NetworkStore& store, RouteSocket& host, const FirewallSource& firewall,
                    const std::vector<std::string>& partitions,
                    WallTime now = std::chrono::system_clock::now());
// After a partition's quota was set, raised or taken away, too.
Result<> arm_quota(const NetworkStore& store, RouteSocket& host, Firewall& firewall,
                   const std::string& partition, WallTime now = std::chrono::system_clock::now());
// Begins the month where the kernel's rules are of an earlier one; else a look at one small file.
Result<> renew_quotas(const NetworkStore& store, RouteSocket& host, const FirewallSource& firewall,
                      WallTime now = std::chrono::system_clock::now());
// The partitions that have a quota and an interface, and whose quota the kernel does not have: somebody flushed the ruleset.
Result<std::vector<std::string>> lost_quotas(const NetworkStore& store, const FirewallSource& firewall);

}  // namespace shoji::net
