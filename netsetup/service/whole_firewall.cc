#include "netsetup/service/whole_firewall.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/io.h"
#include "netsetup/attach/attach.h"
#include "netsetup/service/resolve.h"
#include "netsetup/service/service_files.h"

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

Result<> make_whole(const NetworkStore& store, Firewall& firewall, FirewallHold& hold) {
  TRY_ASSIGN(bool whole, firewall.is_whole());
  if (whole) return {};
  TRY(hold.convert(LOCK_EX));
  TRY_ASSIGN(whole, firewall.is_whole());
  if (!whole) {
    TRY_ASSIGN(FirewallContents all, firewall_contents(store));
    TRY(firewall.replace_all(all.networks, all.endpoints, all.services));
  }
  return hold.convert(LOCK_SH);
}

}  // namespace shoji::net
