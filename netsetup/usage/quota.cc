#include "netsetup/usage/quota.h"

#include <algorithm>

#include "netsetup/usage/readings.h"
#include "netsetup/usage/usage_file.h"

namespace shoji::net {

namespace {

constexpr size_t kMonthSize = 64;  // bytes, far above "2026-11"

std::string month_file(const NetworkStore& store) {
  return store.run + "/quota-month";
}

Result<> note_month(const NetworkStore& store, const std::string& month) {
  if (Result<std::string> noted = read_file(month_file(store), kMonthSize); noted && *noted == month)
    return {};
  return write_file_atomically(month_file(store), month, 0644);
}

// The host's ends that are there: one that somebody removed has nothing to count.
Result<std::vector<std::string>> host_ends(const NetworkStore& store, RouteSocket& host,
                                           const std::string& partition) {
  TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, partition));
  std::vector<std::string> out;
  for (const Attachment& attachment : attachments)
    if (attachment.has_host_end()) out.push_back(attachment.host_interface);
  TRY_ASSIGN(auto readings, read_interfaces(host, out));
  std::erase_if(out, [&](const std::string& name) { return !readings.contains(name); });
  return out;
}

Result<bool> has_quota(const NetworkStore& store, const std::string& partition, WallTime now) {
  TRY_ASSIGN(Usage usage, read_usage(store, partition, now));
  return usage.quota.bytes != 0;
}

}  // namespace

Result<> arm_quota(const NetworkStore& store, RouteSocket& host, Firewall& firewall,
                   const std::string& partition, WallTime now) {
  TRY_ASSIGN(std::vector<std::string> interfaces, host_ends(store, host, partition));
  TRY_ASSIGN(std::vector<Usage> usage, collect_usage(store, host, partition, now));
  const TrafficQuota& quota = usage.at(0).quota;
  if (quota.bytes == 0 || interfaces.empty()) return firewall.remove_quota(partition);
  TRY(firewall.set_quota({.partition = partition,
                          .interfaces = std::move(interfaces),
                          .used = usage[0].month_bytes,
                          .limit = quota.bytes,
                          .rate = quota.action == OverQuota::kShape ? quota.rate : 0,
                          .until = end_of_month(now)}));
  return note_month(store, usage[0].month);
}

Result<> arm_quotas(const NetworkStore& store, RouteSocket& host, const FirewallSource& firewall,
                    const std::vector<std::string>& partitions, WallTime now) {
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(bool has, has_quota(store, partition, now));
    if (!has) continue;
    TRY_ASSIGN(Firewall * opened, firewall());
    TRY(arm_quota(store, host, *opened, partition, now));
  }
  return {};
}

Result<> renew_quotas(const NetworkStore& store, RouteSocket& host, const FirewallSource& firewall,
                      WallTime now) {
  Result<std::string> noted = read_file(month_file(store), kMonthSize);
  if (!noted && noted.error().kind == Kind::kNotFound) return {};
  if (!noted) return Failure(noted.error());
  std::string month = month_of(now);
  if (*noted == month) return {};
  TRY_ASSIGN(std::vector<std::string> partitions, partitions_with_usage(store));
  TRY(arm_quotas(store, host, firewall, partitions, now));
  return note_month(store, month);
}

Result<std::vector<std::string>> lost_quotas(const NetworkStore& store, const FirewallSource& firewall) {
  std::vector<std::string> out;
  TRY_ASSIGN(std::vector<std::string> partitions, partitions_with_usage(store));
  for (const std::string& partition : partitions) {
    TRY_ASSIGN(bool has, has_quota(store, partition, std::chrono::system_clock::now()));
    if (!has) continue;
    TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(store, partition));
    if (std::ranges::any_of(attachments, &Attachment::has_host_end)) out.push_back(partition);
  }
  if (out.empty()) return out;
  TRY_ASSIGN(Firewall * opened, firewall());
  TRY_ASSIGN(std::vector<QuotaReading> there, opened->read_quotas());
  std::erase_if(out, [&](const std::string& partition) {
    return std::ranges::find(there, partition, &QuotaReading::partition) != there.end();
  });
  return out;
}

}  // namespace shoji::net
