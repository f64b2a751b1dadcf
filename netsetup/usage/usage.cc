#include "netsetup/usage/usage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "base/log.h"
#include "netsetup/usage/readings.h"
#include "netsetup/usage/usage_file.h"

namespace shoji::net {

namespace {

// What was read of one partition's interfaces.
struct Seen {
  const Attachment* attachment;
  Reading reading;
};

using SeenByPartition = std::map<std::string, std::vector<Seen>>;

using Readings = std::unordered_map<std::string, Reading>;

// What limits threw away counts as dropped too.
Result<> add_queue_drops(RouteSocket& host, const std::vector<Attachment>& attachments, Readings& readings) {
  std::vector<int> limited;
  auto index_of = [&](const std::string& name) {
    auto found = readings.find(name);
    return found == readings.end() ? 0 : found->second.index;
  };
  for (const Attachment& attachment : attachments) {
    if (attachment.rates.in != 0) limited.push_back(index_of(attachment.host_interface));
    if (attachment.rates.out != 0) limited.push_back(index_of(rate_interface(attachment.host_interface)));
  }
  std::erase(limited, 0);
  if (limited.empty()) return {};
  TRY_ASSIGN(auto drops, read_queue_drops(host, limited));
  for (const Attachment& attachment : attachments) {
    auto found = readings.find(attachment.host_interface);
    if (found == readings.end()) continue;
    if (attachment.rates.in != 0) found->second.counters.dropped_in += drops[found->second.index];
    if (attachment.rates.out != 0)
      found->second.counters.dropped_out += drops[index_of(rate_interface(attachment.host_interface))];
  }
  return {};
}

Result<SeenByPartition> look_at(RouteSocket& host, const std::vector<Attachment>& attachments) {
  std::vector<std::string> names;
  for (const Attachment& attachment : attachments) {
    if (attachment.host_interface.empty()) continue;
    names.push_back(attachment.host_interface);
    if (attachment.rates.out != 0) names.push_back(rate_interface(attachment.host_interface));
  }
  TRY_ASSIGN(Readings readings, read_interfaces(host, names));
  TRY(add_queue_drops(host, attachments, readings));
  SeenByPartition out;
  for (const Attachment& attachment : attachments) {
    std::vector<Seen>& of_partition = out[attachment.partition];
    auto found = readings.find(attachment.host_interface);
    if (found != readings.end()) of_partition.push_back({&attachment, found->second});
  }
  return out;
}

// The record was written just before the interface was made. Without one it is as old as can be.
WallTime made_at(const NetworkStore& store, const Attachment& attachment) {
  struct stat record{};
  std::string path = cat(store.run, "/attachments/", attachment.partition, '/', attachment.network);
  if (stat(path.c_str(), &record) != 0) return {};
  return std::chrono::system_clock::from_time_t(record.st_mtime);
}

// A file that is not what we wrote must not keep a partition from being removed: it is put aside, and told of.
Result<UsageFile> load_or_begin(const NetworkStore& store, const std::string& partition, WallTime now) {
  Result<UsageFile> file = load_usage(store, partition, now);
  if (file || file.error().kind != Kind::kInvalid) return file;
  TRY(check_usage_name(partition));
  std::string path = cat(store.root, "/usage/", partition, ".json");
  std::string aside = path + ".broken";
  if (rename(path.c_str(), aside.c_str()) != 0) return file;
  log(LogLevel::kWarning, cat(file.error().text, "; it is ", quote(aside), " now, and counting begins anew"));
  return load_usage(store, partition, now);
}

// Under the lock, but for one partition only: whoever detaches one need not wait for a thousand.
Result<Usage> add_and_save(const NetworkStore& store, const std::string& partition,
                           const std::vector<Seen>& seen, const std::string& boot_id, WallTime now) {
  TRY_ASSIGN(LockedUsage locked, lock_usage(store));
  TRY_ASSIGN(UsageFile file, load_or_begin(store, partition, now));
  bool changed = file.saved < start_of_month(now);
  for (const Seen& each : seen)
    changed |= add_reading(file, each.attachment->network, boot_id, each.reading,
                           made_at(store, *each.attachment), now);
  if (!changed) return file.sums;
  file.saved = now;
  TRY(store_usage(store, file));
  return file.sums;
}

}  // namespace

Result<std::vector<Usage>> collect_usage(const NetworkStore& store, RouteSocket& host,
                                         std::string_view partition, WallTime now) {
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, partition));
  TRY_ASSIGN(SeenByPartition seen, look_at(host, attachments));
  if (partition.empty()) {
    TRY_ASSIGN(std::vector<std::string> known, partitions_with_usage(store));
    for (std::string& each : known) seen.try_emplace(std::move(each));
  } else {
    seen.try_emplace(std::string(partition));
  }
  TRY_ASSIGN(std::string boot, current_boot_id());
  std::vector<Usage> out;
  for (const auto& [name, of_partition] : seen) {
    TRY_ASSIGN(Usage usage, add_and_save(store, name, of_partition, boot, now));
    out.push_back(std::move(usage));
  }
  return out;
}

Result<> save_usage(const NetworkStore& store, RouteSocket& host, const std::vector<Attachment>& attachments,
                    WallTime now) {
  TRY_ASSIGN(SeenByPartition seen, look_at(host, attachments));
  TRY_ASSIGN(std::string boot, current_boot_id());
  for (const auto& [name, of_partition] : seen)
    if (!of_partition.empty()) TRY(add_and_save(store, name, of_partition, boot, now));
  return {};
}

Result<Usage> read_usage(const NetworkStore& store, const std::string& partition, WallTime now) {
  TRY_ASSIGN(UsageFile file, load_usage(store, partition, now));
  return file.sums;
}

Result<> set_traffic_quota(const NetworkStore& store, const std::string& partition,
                           const TrafficQuota& quota) {
  if (quota.bytes != 0 && quota.action == OverQuota::kShape && quota.rate == 0)
    return fail(Kind::kInvalid,
                cat("quota of ", quote(partition), ": what is over it needs a rate to be shaped to"));
  TRY_ASSIGN(LockedUsage locked, lock_usage(store));
  WallTime now = std::chrono::system_clock::now();
  TRY_ASSIGN(UsageFile file, load_usage(store, partition, now));
  file.sums.quota = quota;
  return store_usage(store, file);
}

Result<> forget_usage(const NetworkStore& store, const std::string& partition) {
  TRY(check_usage_name(partition));
  TRY_ASSIGN(LockedUsage locked, lock_usage(store));
  std::string name = partition + ".json";
  if (unlinkat(locked.dir.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("forget what ", quote(partition), " has used"));
  return {};
}

}  // namespace shoji::net
