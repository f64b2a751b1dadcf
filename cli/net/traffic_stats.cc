#include <algorithm>
#include <optional>

#include "cli/human.h"
#include "cli/net/rate.h"
#include "cli/net/verbs.h"
#include "cli/operator/traffic_verbs.h"
#include "netsetup/usage/quota.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Counters;
using shoji::net::Usage;

Field partition_of(const Usage& row) {
  return {row.partition};
}
template <uint64_t Counters::* member>
Field bytes_of(const Usage& row) {
  return {row.total.*member, human_size(row.total.*member)};
}
template <uint64_t Counters::* member>
Field count_of(const Usage& row) {
  return {row.total.*member};
}
Field month_bytes_of(const Usage& row) {
  return {row.month_bytes, human_size(row.month_bytes)};
}
Field month_of(const Usage& row) {
  return {row.month};
}
Field quota_of(const Usage& row) {
  return row.quota.bytes == 0 ? Field{} : Field{row.quota.bytes, human_size(row.quota.bytes)};
}
Field left_of(const Usage& row) {
  return row.quota.bytes == 0 ? Field{} : Field{row.left(), human_size(row.left())};
}
Field over_of(const Usage& row) {
  return {row.over, row.over ? "yes" : "no"};
}
Field action_of(const Usage& row) {
  return row.quota.bytes == 0 ? Field{} : Field{std::string(shoji::net::over_quota_name(row.quota.action))};
}
Field rate_of(const Usage& row) {
  return row.quota.rate == 0 ? Field{} : Field{row.quota.rate, print_rate(row.quota.rate)};
}

constexpr Column kColumns[] = {
    column<partition_of>("partition", "which partition"),
    right_column<bytes_of<&Counters::bytes_in>>("bytes_in", "that it received, frames' headers included"),
    right_column<bytes_of<&Counters::bytes_out>>("bytes_out", "that it sent"),
    right_column<month_bytes_of>("month_bytes", "this month, in and out together"),
    right_column<quota_of>("quota", "bytes that it may have in a month"),
    right_column<left_of>("left", "bytes of the month's quota"),
    column<over_of>("over", "whether the quota is used up"),
    {"packets_in", "that it received", &detail::RowOf<count_of<&Counters::packets_in>>::get, false, true},
    {"packets_out", "that it sent", &detail::RowOf<count_of<&Counters::packets_out>>::get, false, true},
    {"dropped_in", "packets to it that were dropped", &detail::RowOf<count_of<&Counters::dropped_in>>::get,
     false, true},
    {"dropped_out", "packets of it that were dropped", &detail::RowOf<count_of<&Counters::dropped_out>>::get,
     false, true},
    more_column<month_of>("month", "the calendar's, UTC"),
    more_column<action_of>("action", "when the quota is used up: block or shape"),
    more_column<rate_of>("rate", "to which it is shaped then, in bytes a second"),
};

// Something was counted, or there is a quota; else the name is most likely a wrong one.
bool is_known(const Usage& usage) {
  return usage.total.packets_in + usage.total.packets_out != 0 || usage.quota.bytes != 0;
}

Result<int> list(const op::Globals& globals, op::NetworkStatsOptions& options, Arguments& arguments) {
  shoji::net::NetworkStore store = store_of(globals);
  TRY_ASSIGN(shoji::net::RouteSocket host, shoji::net::RouteSocket::open());
  std::optional<shoji::net::Firewall> firewall;
  auto opened = [&]() -> Result<shoji::net::Firewall*> {
    TRY_ASSIGN(shoji::net::Firewall made, shoji::net::Firewall::open());
    firewall.emplace(std::move(made));
    return &*firewall;
  };
  TRY(shoji::net::renew_quotas(store, host, opened));
  std::vector<Usage> rows;
  if (arguments.empty()) {
    TRY_ASSIGN(rows, shoji::net::collect_usage(store, host, ""));
  }
  for (const std::string& partition : arguments) {
    TRY_ASSIGN(std::vector<Usage> found, shoji::net::collect_usage(store, host, partition));
    TRY_ASSIGN(std::vector<shoji::net::Attachment> attached, shoji::net::list_attachments(store, partition));
    if (attached.empty() && !std::ranges::any_of(found, is_known))
      return fail(Kind::kNotFound, cat("nothing has been counted of partition ", quote(partition)));
    rows.insert(rows.end(), found.begin(), found.end());
  }
  TRY(print(listing(kColumns, options, rows)));
  return kExitOk;
}

}  // namespace

constinit const Verb network_stats_verb = acting<op::NetworkStatsOptions, list>(op::kNetworkStats);

}  // namespace shoji::cli::net

namespace shoji::cli::op {

Result<> NetworkStatsOptions::check(const Arguments& arguments) const {
  for (const std::string& partition : arguments) TRY(shoji::net::check_partition_name(partition));
  return check_list(net::kColumns);
}

}  // namespace shoji::cli::op
