#pragma once
// Whether and when a partition is started again: pure, so that the keeper and `inspect` say the same.
#include <cstdint>
#include <optional>

#include "spec/partition/partition.h"

namespace shoji {

struct RestartHistory {
  uint32_t restarts = 0;  // since an operator started it
  uint32_t in_a_row = 0;  // restarts after runs that were too short to count as well
  bool stopped = false;   // an operator stopped it
};

// A run that lasted as long puts the back-off to its start again.
inline constexpr uint64_t kGoodRun = 10'000;  // milliseconds

// Milliseconds until the next start; nothing: it stays down. `lasted`: the run that ended, in milliseconds. `failed`: its
// exit code was not 0, or its health check gave it up.
std::optional<uint64_t> next_start(const PartitionRestart& policy, const RestartHistory& history, bool failed,
                                   uint64_t lasted);

}  // namespace shoji
