#pragma once
// Virtual services: an address and port of the host, spread over members in the kernel.
//
//   ROOT/services/NAME.json     what the operator defined: port, spread, members with weights; survives a reboot
//   RUN/services/NAME.json      the row of slots in the kernel, and members' health: forgotten by a reboot
//
// A member is PARTITION:PORT (its address is found by its attachment) or ADDRESS:PORT. Every change is made under the
// service's lock and touches only the elements of the service's map that differ.
#include <chrono>
#include <string>
#include <vector>

#include "netsetup/attach/network_store.h"
#include "netsetup/firewall/firewall.h"

namespace shoji::net {

struct ServiceMemberDefinition {
  std::string target;  // "web1:80", "10.7.0.2:80", "[fd00::2]:80"
  uint16_t weight = 1;
  bool drained = false;
};
struct ServiceDefinition {
  std::string name;
  PublishedPort port;  // `host` empty: every address; both families when there are members of both
  Spread spread = Spread::kRoundRobin;
  std::vector<ServiceMemberDefinition> members;
};
struct ServiceMemberState {
  ServiceMemberDefinition definition;
  std::vector<Address> addresses;  // of the partition; empty: it is not attached now
  bool healthy = true;
  size_t slots = 0;        // of kSlots, in the kernel now
  size_t connections = 0;  // open now
};

Result<ServiceDefinition> parse_service(std::string text, std::string_view source);
std::string print_service(const ServiceDefinition& service);

class Services {
 public:
  static Result<Services> open(NetworkStore store);
  Services(Services&&) noexcept;
  ~Services();

  Result<> create(const ServiceDefinition& service);   // kExists; the port's holder is named
  Result<> replace(const ServiceDefinition& service);  // as a whole: only what differs is touched
  Result<> remove(const std::string& name);
  Result<std::vector<ServiceDefinition>> list();
  Result<std::vector<ServiceMemberState>> members(const std::string& name);

  Result<> add_member(const std::string& name, const ServiceMemberDefinition& member);
  // Out of the map; with `wait` returns when no connection leads to it any more, or when `wait` is over: then how many.
  Result<size_t> drain_member(const std::string& name, const std::string& target,
                              std::chrono::milliseconds wait);
  Result<> remove_member(const std::string& name, const std::string& target);
  Result<> set_weight(const std::string& name, const std::string& target, uint16_t weight);
  // Of a member, in every service that it is in.
  Result<> set_health(const std::string& target_or_partition, bool healthy);
  // After partitions came, or went, or the ruleset was lost: the kernel's maps as the definitions and attachments say.
  Result<> refresh();

 private:
  struct State;
  explicit Services(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoji::net
