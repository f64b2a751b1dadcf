#pragma once
// Processes by pidfd (pidfd_open(2)) instead of by number, and what /proc tells about one.
#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

Result<UniqueFd> pidfd_open(pid_t pid);
Result<> pidfd_signal(int pidfd, int signal);  // kNotFound when the process is gone
// Whether the process has ended. Waits up to `timeout_ms` (0: just look, -1: for ever).
Result<bool> pidfd_ended(int pidfd, int timeout_ms);

struct ProcessFacts {
  uint64_t start_time = 0;  // clock ticks after boot: field 22 of proc_pid_stat(5)
  char state = '?';
};
// kNotFound when there is no such process.
Result<ProcessFacts> process_facts(pid_t pid);

// A pidfd of the process only if it is still the one that started at `start_time`; empty when it is gone, has been
// reaped, is a zombie, or the number was given to another process.
Result<std::optional<UniqueFd>> pidfd_of(pid_t pid, uint64_t start_time);

}  // namespace shoji
