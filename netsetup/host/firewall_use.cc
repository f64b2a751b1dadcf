#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/io.h"
#include "netsetup/host/check.h"
#include "netsetup/service/resolve.h"
#include "netsetup/service/service_files.h"
#include "netsetup/service/service_store.h"

namespace shoji::net {

namespace {

// Of every service that is in the kernel in this boot.
Result<std::vector<ServiceRow>> service_rows(const NetworkStore& store) {
  ServiceFiles files(store);
  TRY_ASSIGN(std::vector<std::string> names, files.names());
  std::vector<ServiceRow> out;
  for (const std::string& name : names) {
    Result<ServiceDefinition> definition = files.definition(name);
    if (!definition && definition.error().kind == Kind::kNotFound) continue;  // just removed
    if (!definition) return Failure(definition.error());
    TRY_ASSIGN(std::optional<ServiceRecord> record, files.record(name));
    if (!record) continue;
    TRY_ASSIGN(auto addresses, resolve_members(store, *definition, {}));
    for (VirtualService& service : kernel_services(*definition, addresses, record->unhealthy)) {
      std::vector<std::string> row = record->rows[static_cast<size_t>(service.family)];
      out.push_back({.service = std::move(service), .slots = std::move(row)});
    }
  }
  return out;
}

}  // namespace

Result<FirewallHold> FirewallHold::take(const std::string& run, int kind) {
  std::string path = run + "/firewall.lock";
  Result<UniqueFd> opened = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!opened && opened.error().kind == Kind::kNotFound) {
    TRY(make_directories(run, 0755));
    opened = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  }
  TRY_ASSIGN(UniqueFd file, std::move(opened));
  FirewallHold out(std::move(file));
  TRY(out.convert(kind));
  return out;
}

Result<> FirewallHold::convert(int kind) {
  while (flock(file_.get(), kind) != 0)
    if (errno != EINTR) return fail_errno(errno, "lock the firewall");
  return {};
}

Result<FirewallContents> firewall_contents(const NetworkStore& store) {
  FirewallContents out;
  TRY_ASSIGN(std::vector<Network> networks, list_networks(store));
  for (const Network& network : networks) out.networks.push_back(firewall_network(network));
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, ""));
  for (const Attachment& attachment : attachments)
    if (attachment.has_host_end()) out.endpoints.push_back(firewall_endpoint(attachment));
  TRY_ASSIGN(out.services, service_rows(store));
  return out;
}

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
  TRY_ASSIGN(ready_, out->is_whole());
  if (ready_) return out;
  // The first verb after a boot or an upgrade, or somebody has flushed the ruleset: whoever has finished is in it again.
  TRY(hold.convert(LOCK_EX));
  TRY_ASSIGN(ready_, out->is_whole());
  if (!ready_) {
    TRY_ASSIGN(FirewallContents all, firewall_contents(store));
    TRY(out->replace_all(all.networks, all.endpoints, all.services));
    ready_ = true;
  }
  TRY(hold.convert(LOCK_SH));
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
