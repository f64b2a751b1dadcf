#pragma once
// Rates, ports and rules of an attachment, changed while the partition runs.
#include "netsetup/host/context.h"
#include "netsetup/host/host_networks.h"

namespace shoji::net {

Result<Attachment> change_attachment(HostContext& context, const std::string& partition,
                                     const std::string& network, const AttachmentChange& change);

// What a killed change left of a partition: as its record says, the one before or the one after.
bool is_change(std::string_view pending);
Result<> settle_change(HostContext& context, const std::string& partition, std::string_view pending);

}  // namespace shoji::net
