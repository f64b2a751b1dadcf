#include "netsetup/host/removal.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "netsetup/host/linger.h"
#include "netsetup/usage/quota.h"

namespace shoji::net {

namespace {

std::string print_work(const Work& work) {
  std::string out = print_work_header(work);
  for (const Attachment& attachment : work.attachments) out += print_attachment(attachment, true);
  return out;
}

bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

// The parts that others may get: gone from the firewall before they are given back.
Result<> forget_partitions(HostContext& context, std::vector<Work>& works, std::vector<Pending>& pending) {
  TRY_ASSIGN(FirewallHold hold, FirewallHold::take(context.store.run, LOCK_SH));
  TRY(take_from_firewall(context, works));
  std::vector<std::string> names;
  for (size_t i = 0; i < works.size(); ++i) {
    TRY(pending[i].append(print_work_header(works[i])));
    TRY(release(context.store, works[i]));
    names.push_back(works[i].partition);
  }
  return arm_quotas(context.store, context.host, [&] { return context.ready_firewall(hold); }, names);
}

}  // namespace

Result<> detach_one(HostContext& context, const std::string& partition, const std::string& network) {
  TRY(check_partition_name(partition));
  if (!network.starts_with("cni:")) TRY(check_network_name(network));
  TRY_ASSIGN(Pending pending, Pending::begin(context.store.run, partition, "", context.clear()));
  TRY_ASSIGN(std::vector<Attachment> all, list_attachments(context.store, partition));
  bool last = all.size() == 1;
  std::erase_if(all, [&](const Attachment& attachment) { return attachment.network != network; });
  if (all.empty()) {
    TRY(pending.finish());
    return fail(Kind::kNotFound,
                cat("partition ", quote(partition), " is not attached to network ", quote(network)));
  }
  Work work{.partition = partition, .networks = {}, .attachments = std::move(all)};
  TRY(pending.append(print_work(work)));
  TRY(save_usage(context.store, context.host, work.attachments));
  if (last) TRY(tell_services(context, {&partition, 1}, true));
  TRY(take_back(context, {&work, 1}));
  TRY(arm_quotas(context.store, context.host, [&] { return context.firewall(); }, {partition}));
  return pending.finish();
}

Result<> remove_partitions(HostContext& context, const std::vector<std::string>& partitions) {
  for (const std::string& partition : partitions) TRY(check_partition_name(partition));
  // In the order in which everybody does it, so that two verbs cannot wait for each other.
  std::vector<std::string> names = partitions;
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  std::vector<Pending> pending;
  std::vector<Work> works;
  for (const std::string& name : names) {
    TRY_ASSIGN(Pending begun, Pending::begin(context.store.run, name, "", context.clear()));
    TRY_ASSIGN(std::vector<Attachment> attachments, list_attachments(context.store, name));
    Work work{.partition = name,
              .networks = {},
              .pin = is_there(cat(context.store.netns_directory(), '/', name)),
              .attachments = std::move(attachments)};
    if (!work.pin && work.attachments.empty()) {
      TRY(begun.finish());
      continue;
    }
    TRY(begun.append(print_work(work)));
    pending.push_back(std::move(begun));
    works.push_back(std::move(work));
  }
  if (works.empty()) return {};
  std::vector<Attachment> all;
  for (const Work& work : works) std::ranges::copy(work.attachments, std::back_inserter(all));
  TRY(save_usage(context.store, context.host, all));
  if (!all.empty()) TRY(tell_services(context, names, true));
  TRY(forget_partitions(context, works, pending));
  linger(context, host_interfaces(works), std::move(pending));
  return {};
}

}  // namespace shoji::net
