#include <algorithm>

#include "netsetup/cni/cni.h"
#include "netsetup/host/check.h"

namespace shoji::net {

namespace {

// Plugins keep addresses on disk: what an earlier boot left to them, or who was killed, stays until it is undone.
Result<std::vector<CniLeftover>> leftovers(const NetworkStore& store) {
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, ""));
  return cni_leftovers(store, [&](const std::string& partition, const std::string& network) {
    return std::ranges::any_of(attachments, [&](const Attachment& attachment) {
      return attachment.partition == partition && attachment.network == network;
    });
  });
}

}  // namespace

Result<> check_plugins(HostContext& context, Faults& faults) {
  TRY_ASSIGN(std::vector<CniLeftover> found, leftovers(context.store));
  for (const CniLeftover& each : found) {
    TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, each.partition, "", context.clear()));
    // Looked at once more, now that nobody works at the partition.
    Result<std::vector<CniLeftover>> again = leftovers(context.store);
    if (again && std::ranges::find(*again, each) != again->end())
      faults.found(cat("partition ", quote(each.partition), ", network ", quote(each.network)),
                   "plugins of CNI keep an attachment that is none any more",
                   [&] { return cni_detach(context.store, each.partition, each.network); });
    TRY(pending.finish());
    if (!again) return Failure(again.error());
  }
  return {};
}

}  // namespace shoji::net
