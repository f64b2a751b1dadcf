#pragma once
// `shoji network stats, quota`, which shoji-net runs: the options and what help and completion say.
#include "cli/operator/attachment_verbs.h"

namespace shoji::cli::op {

struct NetworkStatsOptions : ListOptions {
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr auto kNetworkStatsOptions = list_options<NetworkStatsOptions>(std::array<Option, 0>{});
inline constexpr Verb kNetworkStats = {
    .name = "stats",
    .arguments = "[partition...]",
    .summary = "count what partitions have sent and received",
    .description =
        "   Of all networks of a partition, kept when it is restarted and when the host is. The month is the "
        "calendar's\n"
        "   (UTC); its bytes are those that the quota counts, in and out together.\n"
        "   Fields: partition, bytes_in, bytes_out, month_bytes, quota, left, over, packets_in, packets_out, "
        "dropped_in,\n"
        "   dropped_out, month, action, rate.",
    .options = kNetworkStatsOptions,
    .candidates = kAttachedNames,
};

struct NetworkQuotaOptions {
  std::string bytes, over = "block", rate;
  bool none = false, forget = false;
  [[nodiscard]] Result<> check(const Arguments& arguments) const;
};
inline constexpr Option kNetworkQuotaOptions[] = {
    option<&NetworkQuotaOptions::bytes>("bytes", 0, "how much a month, in and out together, as 100G"),
    option<&NetworkQuotaOptions::over>("over", 0, "what happens then: block or shape", "block"),
    option<&NetworkQuotaOptions::rate>("rate", 0,
                                       "to which rate it is shaped, in and out together, as 1mbit"),
    option<&NetworkQuotaOptions::none>("none", 0, "take the quota away"),
    option<&NetworkQuotaOptions::forget>("forget", 0, "begin all counts of the partition at zero"),
};
inline constexpr Verb kNetworkQuota = {
    .name = "quota",
    .arguments = "<partition>",
    .summary = "limit what a partition may send and receive in a month",
    .description =
        "   The kernel counts, and blocks or shapes what comes after the last byte, also when nothing of "
        "Shoji "
        "runs; at the\n"
        "   end of the calendar month (UTC) it lets everything pass. It holds at once where the partition "
        "runs, "
        "and whenever\n"
        "   it is attached. Without options the quota is printed.",
    .options = kNetworkQuotaOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kAttachedNames,
};

}  // namespace shoji::cli::op
