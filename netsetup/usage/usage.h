#pragma once
// What partitions have sent and received, kept across restarts and reboots, and a quota of bytes per month.
//
//   ROOT/usage/PARTITION.json    sums up to the last time they were saved, the month, the quota
//
// Sums grow by what the interface counted since they were saved: whoever removes an interface saves before.
#include <optional>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"

namespace shoji::net {

// What happens to a partition that has used up its bytes of the month.
enum class OverQuota : uint8_t { kBlock, kShape };
struct TrafficQuota {
  uint64_t bytes = 0;  // per calendar month (UTC), in and out together; 0: none
  OverQuota action = OverQuota::kBlock;
  uint64_t rate = 0;  // bytes per second while kShape
};

struct Usage {
  std::string partition;
  Counters total;            // since the partition was first seen
  uint64_t month_bytes = 0;  // in and out, this calendar month
  std::string month;         // "2026-11"
  TrafficQuota quota;
  bool over = false;
};

// Reads the interfaces' counters of `partition` ("": of all), adds what is new to the sums and saves them.
Result<std::vector<Usage>> collect_usage(const NetworkStore& store, RouteSocket& host,
                                         std::string_view partition);
// The same before interfaces go: only what `attachment` counted.
Result<> save_usage(const NetworkStore& store, RouteSocket& host, const Attachment& attachment);
Result<> set_traffic_quota(const NetworkStore& store, const std::string& partition,
                           const TrafficQuota& quota);
Result<> forget_usage(const NetworkStore& store, const std::string& partition);

}  // namespace shoji::net
