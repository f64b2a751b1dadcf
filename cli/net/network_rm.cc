#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

namespace {

Result<> remove_one(shoji::net::HostNetworks& host, const std::string& name, bool force) {
  if (force) {
    TRY_ASSIGN(std::vector<shoji::net::Attachment> attachments,
               shoji::net::list_attachments(host.store(), ""));
    for (const shoji::net::Attachment& attachment : attachments) {
      if (attachment.network != name) continue;
      Result<> detached = host.detach(attachment.partition, name);
      // It may have gone by itself meanwhile.
      if (!detached && detached.error().kind != Kind::kNotFound) return detached;
    }
  }
  Result<> removed = host.remove_network(name);
  if (!removed && force && removed.error().kind == Kind::kNotFound) return {};
  return removed;
}

Result<int> remove(const op::Globals& globals, op::NetworkRmOptions& options, Arguments& arguments) {
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  bool failed = false;
  for (const std::string& name : arguments) {
    Result<> removed = remove_one(host, name, options.force);
    if (removed) continue;
    // The others go nevertheless, as with rm(1).
    report(within(cat("network rm ", quote(name)), removed.error()));
    failed = true;
  }
  return failed ? kExitError : kExitOk;
}

}  // namespace

constinit const Verb network_rm_verb = acting<op::NetworkRmOptions, remove>(op::kNetworkRm);

}  // namespace shoji::cli::net
