#pragma once
// Applies netsetup/firewall/rules.h in transactions, all or nothing: elements over netlink itself, whole rulesets through
// libnftables (libnftables(3)).
#include <memory>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

struct ServiceChange {
  enum class How : uint8_t {
    kElements,  // only slots that differ from `before`
    kAnew,      // whatever there is of it
    kLeadAway,  // only the element that leads to it by this port
    kRemove,    // all of it, where it is there
  };
  How how = How::kElements;
  VirtualService service;
  std::vector<std::string> before;  // keys (member_key())
  std::vector<size_t> slots;        // after it
};

// A service as it is to be: its row of slots decides which member has which.
struct ServiceRow {
  VirtualService service;
  std::vector<std::string> slots;  // keys (member_key())
};

class Firewall {
 public:
  static Result<Firewall> open();
  Firewall(Firewall&&) noexcept;
  ~Firewall();

  // Whether our tables are there in this version, with the rules of their chains. What it costs does not depend on how
  // many partitions there are, and it does not look at elements: differences() does. False: only replace_all() mends it
  // without taking the elements of others away.
  Result<bool> is_whole();
  // The tables with their chains and these networks, when they are not whole.
  Result<> ensure(const std::vector<FirewallNetwork>& networks);
  // After a network was made, changed or removed.
  Result<> set_networks(const std::vector<FirewallNetwork>& networks);
  // Many endpoints at once are one transaction, all or nothing.
  Result<> add(const std::vector<FirewallEndpoint>& endpoints);
  // What there is of them, in one transaction: also after a kill, and after somebody flushed the ruleset.
  Result<> remove(const std::vector<FirewallEndpoint>& endpoints);
  // Other ports and rules of the same endpoint, in one step: no packet meets neither.
  Result<> replace(const FirewallEndpoint& before, const FirewallEndpoint& after);

  // What is in the kernel otherwise than this, a sentence for each kind; empty when all is well. Foreign tables are not
  // looked at.
  Result<std::vector<std::string>> differences(const std::vector<FirewallNetwork>& networks,
                                               const std::vector<FirewallEndpoint>& endpoints,
                                               const std::vector<ServiceRow>& services);
  // What others on this host do that keeps our rules from working as they are meant to; only its owner can mend it.
  Result<std::vector<std::string>> obstacles(const std::vector<FirewallNetwork>& networks,
                                             const std::vector<FirewallEndpoint>& endpoints);
  // Exactly this, in one transaction, so that no packet meets half of it. Foreign tables and quotas stay.
  Result<> replace_all(const std::vector<FirewallNetwork>& networks,
                       const std::vector<FirewallEndpoint>& endpoints,
                       const std::vector<ServiceRow>& services);
  // Services: what is returned is the row of slots (netsetup/firewall/slots.h), for whoever changes it next. A change
  // touches only elements of the service's map, so that established connections stay.
  Result<std::vector<std::string>> add_service(const VirtualService& service);
  Result<std::vector<std::string>> change_service(const VirtualService& service,
                                                  const std::vector<std::string>& slots);
  Result<> remove_service(const VirtualService& service);
  // The same for many at once, as one transaction, by rows that the caller has assigned.
  Result<> change_services(const std::vector<ServiceChange>& changes);
  // The row of slots in the kernel; nullopt when the service is not there, or not whole.
  Result<std::optional<std::vector<std::string>>> read_service(const VirtualService& service);
  // Anew, whatever there is of it: after a change, and after the partition got or lost an interface. Endpoints may come and
  // go meanwhile.
  Result<> set_quota(const PartitionQuota& quota);
  Result<> remove_quota(const std::string& partition);  // gone already is fine
  Result<std::vector<QuotaReading>> read_quotas();
  // Everything of ours goes; not there is fine.
  Result<> remove_tables();

 private:
  struct State;
  explicit Firewall(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoji::net
