#include "netsetup/cni/check.h"

#include <algorithm>

namespace shoji::net {

Result<std::vector<CniFault>> check_cni(const NetworkStore& store, const std::vector<Attachment>& attachments,
                                        bool repair, const CniPlaces& places) {
  std::vector<CniFault> out;
  auto known = [&](const std::string& partition, const std::string& network) {
    return std::ranges::any_of(attachments, [&](const Attachment& attachment) {
      return attachment.partition == partition && attachment.network == network;
    });
  };
  TRY_ASSIGN(std::vector<CniLeftover> leftovers, cni_leftovers(store, known));
  for (const CniLeftover& leftover : leftovers) {
    CniFault fault{.partition = leftover.partition,
                   .network = leftover.network,
                   .what = "plugins of CNI hold what nobody uses",
                   .repaired = false};
    if (repair) {
      Result<> undone = cni_detach(store, leftover.partition, leftover.network, places);
      fault.repaired = undone.has_value();
      if (!undone) fault.what += cat(": ", undone.error().text);
    }
    out.push_back(std::move(fault));
  }
  for (const Attachment& attachment : attachments) {
    if (attachment.kind != NetworkKind::kCni) continue;
    Result<> checked = cni_check_attachment(store, attachment.partition, attachment.network, places);
    if (!checked)
      out.push_back({.partition = attachment.partition,
                     .network = attachment.network,
                     .what = checked.error().text,
                     .repaired = false});
  }
  return out;
}

}  // namespace shoji::net
