#pragma once
// Virtual services: an address and port of the host, spread over members in the kernel.
//
//   ROOT/services/NAME.json           what the operator defined: port, spread, members with weights; survives a reboot
//   ROOT/services/.members/HOST/NAME  empty; HOST (a partition, or an address) may be a member of the service
//   RUN/services/NAME.json            the rows of slots in the kernel, and members' health: forgotten by a reboot
//   RUN/services/NAME.lock            there while the service is being changed, locked by who does it: one that nobody locks
//                                     was left by a kill, and the next verb makes the service as its definition says
//
// A member is PARTITION:PORT (its address is found by its attachment) or ADDRESS:PORT. A change is one transaction, and
// touches only the elements of the service's maps that differ.
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netsetup/attach/network_store.h"
#include "netsetup/firewall/firewall.h"
#include "netsetup/service/definition.h"

namespace shoji::net {

struct ServiceMemberState {
  ServiceMemberDefinition definition;
  std::vector<Address> addresses;  // of the partition, one of a family; empty: it is not attached now
  bool healthy = true;
  size_t slots = 0;        // of kSlots of each family, in the kernel now
  size_t connections = 0;  // open now
};
struct ServiceState {
  ServiceDefinition definition;
  std::vector<ServiceMemberState> members;
};

struct ServiceFault {
  std::string service;
  std::string what;  // a sentence: `its IPv4 slots are not in the kernel`
  bool repaired = false;
};

class Services {
 public:
  // `firewall`: of the caller, which outlives this; null: an own one, opened when needed. What killed verbs left is mended
  // by the first call of anything but partitions_changed().
  static Result<Services> open(NetworkStore store, Firewall* firewall = nullptr);
  Services(Services&&) noexcept;
  ~Services();

  Result<> create(const ServiceDefinition& service);   // kExists; the port's holder is named
  Result<> replace(const ServiceDefinition& service);  // as a whole: only what differs is touched
  Result<> remove(const std::string& name);
  Result<ServiceDefinition> find(const std::string& name);
  Result<std::vector<ServiceDefinition>> list();
  Result<ServiceState> state(const std::string& name);
  // `counted`: with connections.
  Result<std::vector<ServiceState>> states(bool counted);

  // Of several members at once: all, or none. A drained member comes back with the weight that is named.
  Result<> add_members(const std::string& name, std::span<const ServiceMemberDefinition> members);
  // Out of the map; returns when no connection leads to them any more, or when `wait` is over: then how many.
  Result<size_t> drain_members(const std::string& name, std::span<const std::string> targets,
                               std::chrono::milliseconds wait);
  Result<> remove_members(const std::string& name, std::span<const std::string> targets);
  Result<> set_weights(const std::string& name, std::span<const ServiceMemberDefinition> members);
  // Of one member, or of all of a partition, in every service: how many services have it. kNotFound.
  Result<size_t> set_health(const std::string& target_or_partition, bool healthy);

  // After partitions were attached, or detached, or before they go (`leaving`: as if they were not attached any more).
  // What it costs does not depend on how many services there are that none of them is a member of.
  Result<> partitions_changed(std::span<const std::string> partitions, bool leaving = false);
  // Compares the kernel's maps with definitions and attachments; with `repair` makes them so, after a boot and after the
  // ruleset was lost.
  Result<std::vector<ServiceFault>> check(bool repair);
  // check(true).
  Result<> refresh();

 private:
  struct State;
  explicit Services(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoji::net
