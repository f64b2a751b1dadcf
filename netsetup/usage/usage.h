#pragma once
// What partitions have sent and received, kept across restarts and reboots, and a quota of bytes per month.
//
//   ROOT/usage/PARTITION.json    sums up to the last time they were saved, the month, the quota, and how far the counter of
//                                each interface had come then
//
// Sums grow by what an interface counted since they were saved: whoever removes interfaces saves before. An interface is
// known by its index and the boot, which the kernel gives no second time: one that was made anew counts from nothing, and
// a reading that came too late for one that was removed counts for nothing.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"

namespace shoji::net {

using WallTime = std::chrono::system_clock::time_point;

// What happens to a partition that has used up its bytes of the month.
enum class OverQuota : uint8_t { kBlock, kShape };
std::string_view over_quota_name(OverQuota action);  // "block", "shape"
struct TrafficQuota {
  uint64_t bytes = 0;  // per calendar month (UTC), in and out together; 0: none
  OverQuota action = OverQuota::kBlock;
  uint64_t rate = 0;  // bytes per second while kShape
  bool operator==(const TrafficQuota&) const = default;
};

struct Usage {
  std::string partition;
  Counters total;            // since the partition was first seen
  uint64_t month_bytes = 0;  // in and out, this calendar month
  std::string month;         // "2026-11"
  TrafficQuota quota;
  bool over = false;
  // Of the month's quota; 0 when it is used up, or when there is none.
  [[nodiscard]] uint64_t left() const { return quota.bytes > month_bytes ? quota.bytes - month_bytes : 0; }
};

// Reads the interfaces' counters of `partition` ("": of all that are attached or were ever seen), adds what is new to
// the sums and saves them. Any number of interfaces is one dump. Partitions in order of their names.
Result<std::vector<Usage>> collect_usage(const NetworkStore& store, RouteSocket& host,
                                         std::string_view partition,
                                         WallTime now = std::chrono::system_clock::now());
// The same before interfaces go: only what these attachments counted. Those without an interface on the host
// (macvlan) and those whose interface is gone are passed over.
Result<> save_usage(const NetworkStore& store, RouteSocket& host, const std::vector<Attachment>& attachments,
                    WallTime now = std::chrono::system_clock::now());
// Usage as the file has it, a new month begun where it is one; without a file all is zero.
Result<Usage> read_usage(const NetworkStore& store, const std::string& partition,
                         WallTime now = std::chrono::system_clock::now());
Result<> set_traffic_quota(const NetworkStore& store, const std::string& partition,
                           const TrafficQuota& quota);
// Gone already is fine.
Result<> forget_usage(const NetworkStore& store, const std::string& partition);

// "2026-11", and the first moment of the month after it.
std::string month_of(WallTime now);
WallTime end_of_month(WallTime now);

}  // namespace shoji::net
