#pragma once
// Several jobs on a few threads.
#include <atomic>
#include <functional>

#include "base/error.h"

namespace shoji::images {

// Set when a job failed: the others end as soon as they look.
using Stop = std::atomic<bool>;
Error stopped_error();

// job(0) ... job(count - 1), at most `width` at the same time, in that order. After a failure no further one begins.
// Returns the first failure, when all threads are gone.
Result<> run_jobs(size_t count, size_t width, Stop& stop, const std::function<Result<>(size_t)>& job);

}  // namespace shoji::images
