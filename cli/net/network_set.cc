#include <algorithm>

#include "cli/net/attach_request.h"
#include "cli/net/verbs.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Attachment;

Result<int> set(const op::Globals& globals, op::NetworkSetOptions& options, Arguments& arguments) {
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY_ASSIGN(std::vector<Attachment> attached, shoji::net::list_attachments(host.store(), arguments[0]));
  auto found = std::ranges::find(attached, arguments[1], &Attachment::network);
  if (found == attached.end())
    return fail(Kind::kNotFound, cat("it is not on network ", quote(arguments[1])));
  TRY_ASSIGN(shoji::net::AttachmentChange change, read_change(options, *found));
  TRY(host.change(arguments[0], arguments[1], change));
  return kExitOk;
}

}  // namespace

constinit const Verb network_set_verb = acting<op::NetworkSetOptions, set>(op::kNetworkSet);

}  // namespace shoji::cli::net
