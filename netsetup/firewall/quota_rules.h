#pragma once
// Partitions' quotas in the kernel: a quota object each in the table `netdev shoji`, and a chain for each direction of each
// interface, where every packet of the partition passes: bridged, routed, and what is for the host itself.
#include "netsetup/firewall/rules.h"
#include "netsetup/nfnetlink/socket.h"

namespace shoji::net {

// What makes the quota, where there is none of the partition.
std::string quota_ruleset(const PartitionQuota& quota);
// What takes away all that there is of the partition's quota; empty when that is nothing.
Result<std::string> quota_removal(NetfilterSocket& socket, const std::string& partition);
Result<std::vector<QuotaReading>> read_kernel_quotas(NetfilterSocket& socket);

}  // namespace shoji::net
