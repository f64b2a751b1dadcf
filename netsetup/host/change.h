#pragma once
// Rates, ports and rules of an attachment, changed while the partition runs.
#include "netsetup/host/context.h"
#include "netsetup/host/host_networks.h"

namespace shoji::net {

Result<Attachment> change_attachment(HostContext& context, const std::string& partition,
                                     const std::string& network, const AttachmentChange& change);

}  // namespace shoji::net
