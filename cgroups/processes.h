#pragma once
// Which processes are in a cgroup, and waiting for what the kernel says in cgroup.events.
#include <sys/types.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cgroups/place.h"

namespace shoji {

// Of the cgroup and of all below it, sorted. A cgroup that is gone has none.
Result<std::vector<pid_t>> processes_below(const Place& place);

// An existing cgroup may be somebody's: the limits would be put on them, and delete would kill them. An empty one that
// is not frozen passes.
Result<> refuse_if_in_use(const Place& place);

using Deadline = std::chrono::steady_clock::time_point;

// Waits until `key` ("populated", "frozen") of a v2 cgroup's cgroup.events is `value`. False: the deadline
// passed. A cgroup that is gone is neither populated nor frozen.
Result<bool> wait_for_event(const Place& place, std::string_view key, bool value, Deadline deadline);

// Sleeps of 20 us, 40 us ... 5 ms, for v1 files that the kernel does not notify about.
class Backoff {
 public:
  explicit Backoff(Deadline deadline) : deadline_(deadline) {}
  bool wait();  // false: the deadline passed
 private:
  Deadline deadline_;
  std::chrono::microseconds pause_{20};
};

}  // namespace shoji
