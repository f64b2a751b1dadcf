#pragma once
// Clock offsets of a new time namespace: time_namespaces(7), config-linux.md "timeOffsets".
#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

// Lines "monotonic SECONDS NANOSECONDS" for /proc/PID/timens_offsets; empty when the configuration has none.
std::string time_offsets_text(const Linux& linux);

// Writes them for process `pid`, which has unshared its time namespace and has not forked or executed since.
Result<> write_time_offsets(int proc, pid_t pid, const Linux& linux);

}  // namespace shoji
