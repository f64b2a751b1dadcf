#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

namespace {

Result<int> detach(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY(shoji::net::check_partition_name(arguments[0]));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  if (arguments.size() == 2) {
    TRY(host.detach(arguments[0], arguments[1]));
    return kExitOk;
  }
  TRY_ASSIGN(std::vector<shoji::net::Attachment> attachments,
             shoji::net::list_attachments(host.store(), arguments[0]));
  if (attachments.empty())
    return fail(Kind::kNotFound, cat("partition ", quote(arguments[0]), " is on no network"));
  for (const shoji::net::Attachment& attachment : attachments)
    TRY(host.detach(attachment.partition, attachment.network));
  return kExitOk;
}

Result<int> release(const op::Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  for (const std::string& name : arguments) TRY(shoji::net::check_partition_name(name));
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY(host.remove(arguments));
  return kExitOk;
}

}  // namespace

constinit const Verb network_detach_verb = acting<NoOptions, detach>(op::kNetworkDetach);
constinit const Verb network_release_verb = acting<NoOptions, release>(op::kNetworkRelease);

}  // namespace shoji::cli::net
