#include <sys/file.h>

#include "netsetup/host/check.h"
#include "netsetup/service/service_store.h"

namespace shoji::net {

Result<Firewall*> HostContext::firewall() {
  if (!firewall_) {
    TRY_ASSIGN(Firewall made, Firewall::open());
    firewall_.emplace(std::move(made));
  }
  return &*firewall_;
}

Result<Firewall*> HostContext::ready_firewall(FirewallHold& hold) {
  TRY_ASSIGN(Firewall * out, firewall());
  must_linger = true;
  if (ready_) return out;
  TRY(make_whole(store, *out, hold));
  ready_ = true;
  return out;
}

Result<> tell_services(HostContext& context, std::span<const std::string> partitions, bool leaving) {
  TRY_ASSIGN(Firewall * firewall, context.firewall());
  context.must_linger = true;
  TRY_ASSIGN(Services services, Services::open(context.store, firewall));
  return services.partitions_changed(partitions, leaving);
}

Result<> check_firewall(HostContext& context, Faults& faults) {
  TRY_ASSIGN(Firewall * firewall, context.firewall());
  context.must_linger = true;
  {
    TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_EX));
    TRY_ASSIGN(FirewallContents all, firewall_contents(context.store));
    TRY_ASSIGN(std::vector<std::string> differences,
               firewall->differences(all.networks, all.endpoints, all.services));
    bool mended = false;
    for (std::string& what : differences)
      faults.found("the firewall", std::move(what), [&]() -> Result<> {
        // One transaction mends all of them.
        if (!mended) TRY(firewall->replace_all(all.networks, all.endpoints, all.services));
        mended = true;
        return {};
      });
    TRY_ASSIGN(std::vector<std::string> obstacles, firewall->obstacles(all.networks, all.endpoints));
    for (std::string& what : obstacles)
      faults.add({.subject = "the firewall", .what = std::move(what), .repaired = false});
  }
  TRY_ASSIGN(Services services, Services::open(context.store, firewall));
  TRY_ASSIGN(std::vector<ServiceFault> found, services.check(faults.repairs()));
  for (ServiceFault& fault : found)
    faults.add({.subject = cat("service ", quote(fault.service)),
                .what = std::move(fault.what),
                .repaired = fault.repaired});
  return {};
}

}  // namespace shoji::net
