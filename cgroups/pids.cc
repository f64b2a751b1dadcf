// How many tasks: pids.max in both versions.
#include "cgroups/controllers.h"

namespace shoji {

Result<> plan_pids(const Resources& resources, KnobWrites& out) {
  if (!resources.pids_limit) return {};
  int64_t limit = *resources.pids_limit;
  // config-linux.md: 0 and -1 are no limit (a cgroup with a limit of 0 could not hold the container's first
  // process).
  bool unlimited = limit <= 0;
  out.push_back({.file = "pids.max",
                 .text = unlimited ? "max" : cat(limit),
                 .limit = cat("pids ", limit),
                 .is_default = unlimited});
  return {};
}

}  // namespace shoji
