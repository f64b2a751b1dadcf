#include "runtime/keeper/restart.h"

#include <algorithm>

namespace shoji {

std::optional<uint64_t> next_start(const PartitionRestart& policy, const RestartHistory& history, bool failed,
                                   uint64_t lasted) {
  switch (policy.policy) {
    case RestartPolicy::kNo:
      return std::nullopt;
    case RestartPolicy::kOnFailure:
      if (!failed || history.stopped) return std::nullopt;
      if (policy.retries != 0 && history.restarts >= policy.retries) return std::nullopt;
      break;
    case RestartPolicy::kAlways:
    case RestartPolicy::kUnlessStopped:
      if (history.stopped) return std::nullopt;
      break;
  }
  uint32_t doublings = lasted >= kGoodRun ? 0 : history.in_a_row;
  uint64_t delay = policy.delay;
  for (uint32_t i = 0; i < doublings && delay < policy.longest; ++i) delay *= 2;
  return std::min(delay, policy.longest);
}

}  // namespace shoji
