#pragma once
// How services change: inside of netsetup/service/ only.
#include <functional>
#include <optional>
#include <set>

#include "netsetup/service/service_files.h"
#include "netsetup/service/service_lock.h"
#include "netsetup/service/service_store.h"
#include "netsetup/service/whole_firewall.h"

namespace shoji::net {

struct Services::State {
  // What a change may edit.
  struct Draft {
    ServiceDefinition definition;
    std::vector<std::string> unhealthy;
  };
  using Edit = std::function<Result<>(Draft&)>;

  ServiceFiles files;
  Firewall* firewall;  // the caller's, or ours
  const bool is_callers;
  std::optional<Firewall> own;
  bool looked = false;  // for what killed verbs left

  explicit State(NetworkStore store, Firewall* callers)
      : files(std::move(store)), firewall(callers), is_callers(callers != nullptr) {}

  Result<Firewall*> open_firewall();
  // Before the lock of a service, in the order of those who attach: for as long as records and kernel differ. The tables are
  // whole then, unless the firewall is the caller's, whose business that is.
  Result<FirewallHold> hold_firewall();
  // Under the lock of the service, mended before; partitions in `leaving` count as not attached.
  Result<> change(const std::string& name, const Edit& edit, const std::set<std::string>& leaving = {});
  Result<> create(const ServiceDefinition& service);
  Result<> remove(const std::string& name);
  // As the definition says, whatever is in the kernel; without a definition everything of it goes.
  Result<> mend(ServiceLock& lock);
  // A sentence about what is not as it should be; "" when nothing is.
  Result<std::string> fault_of(const std::string& name);
  // Once.
  Result<> mend_left_over();

 private:
  struct Plan;
  Result<Plan> plan(const Draft& draft, const ServiceRecord& before, const std::set<std::string>& leaving,
                    bool anew);
  Result<> carry_out(ServiceLock& lock, const Plan& plan, const ServiceRecord& before);
  Result<> tell_kernel(Plan plan);
  // The plan and its end: on an error what there was comes back.
  Result<> commit(ServiceLock& lock, const Draft& draft, const std::optional<ServiceRecord>& before,
                  const std::set<std::string>& leaving, bool anew);
  Result<> clear(ServiceLock& lock);
  Result<> release_other_ports(const std::string& name, const std::vector<PublishedPort>& kept);
};

}  // namespace shoji::net
