#pragma once
// The firewall as all records say it: networks, attachments and services together.
#include <vector>

#include "base/fd.h"
#include "netsetup/attach/network_store.h"
#include "netsetup/firewall/firewall.h"

namespace shoji::net {

// RUN/firewall.lock: shared by verbs from before they change the firewall's elements until their records say the same;
// exclusive for who makes the tables as all records say.
class FirewallHold {
 public:
  static Result<FirewallHold> take(const std::string& run, int kind);  // LOCK_SH, LOCK_EX
  // Lets go in between: what was seen before may have changed.
  Result<> convert(int kind);

 private:
  explicit FirewallHold(UniqueFd file) : file_(std::move(file)) {}
  UniqueFd file_;
};

// All that the firewall is to be, by the records.
struct FirewallContents {
  std::vector<FirewallNetwork> networks;
  std::vector<FirewallEndpoint> endpoints;
  std::vector<ServiceRow> services;
};
Result<FirewallContents> firewall_contents(const NetworkStore& store);

// The tables, when they are not whole: after a boot or an upgrade, or when somebody has flushed the ruleset, whoever has
// finished is in them again. `hold` is shared before and after.
Result<> make_whole(const NetworkStore& store, Firewall& firewall, FirewallHold& hold);

}  // namespace shoji::net
