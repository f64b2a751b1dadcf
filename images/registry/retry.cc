#include "images/registry/retry.h"

#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

namespace shoji::images {

void Backoff::wait(uint64_t retry_after_s) {
  uint64_t ms = uint64_t{patience_.first_wait_ms} << std::min(tried_, 20U);
  ms = std::min<uint64_t>(ms, patience_.longest_wait_ms);
  uint32_t random = 0;
  if (getrandom(&random, sizeof random, 0) == sizeof random) ms = ms / 2 + random % (ms / 2 + 1);
  ms = std::max(ms, retry_after_s * 1000);
  tried_++;
  timespec left{.tv_sec = static_cast<time_t>(ms / 1000),
                .tv_nsec = static_cast<long>(ms % 1000 * 1'000'000)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace shoji::images
