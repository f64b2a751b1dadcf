#pragma once
// Applies netsetup/firewall/rules.h through libnftables (libnftables(3)): each call is one transaction, all or nothing.
#include <memory>

#include "netsetup/firewall/rules.h"

namespace shoji::net {

class Firewall {
 public:
  static Result<Firewall> open();
  Firewall(Firewall&&) noexcept;
  ~Firewall();

  // The table with its chains, when it is not there in this version. O(1) when it is.
  Result<> ensure(const std::vector<FirewallNetwork>& networks);
  // Many endpoints at once are one transaction. An endpoint that is there already is replaced.
  Result<> add(const std::vector<FirewallEndpoint>& endpoints);
  Result<> remove(const std::vector<FirewallEndpoint>& endpoints);
  // The difference between `before` and `after` touches only elements; connections that are established stay.
  Result<> change_service(const VirtualService* before, const VirtualService* after);
  // Compares the kernel's table with what should be there; a sentence per difference. `repair`: replaces it in one
  // transaction.
  Result<std::vector<std::string>> check(const std::vector<FirewallNetwork>& networks,
                                         const std::vector<FirewallEndpoint>& endpoints,
                                         const std::vector<VirtualService>& services, bool repair);
  Result<> remove_table();

  // Connections of conntrack that still go to a member (for draining).
  static Result<uint64_t> connections_to(const ServiceMember& member, Protocol protocol);

 private:
  struct State;
  explicit Firewall(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoji::net
