#pragma once
// Partitions that leave networks.
#include "netsetup/host/context.h"

namespace shoji::net {

Result<> detach_one(HostContext& context, const std::string& partition, const std::string& network);
Result<> remove_partitions(HostContext& context, const std::vector<std::string>& partitions);

}  // namespace shoji::net
