#include "images/transfer/jobs.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace shoji::images {

Error stopped_error() {
  return {.kind = Kind::kState, .text = "another part of the transfer did not succeed"};
}

Result<> run_jobs(size_t count, size_t width, Stop& stop, const std::function<Result<>(size_t)>& job) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first;
  auto work = [&] {
    while (!stop) {
      size_t index = next++;
      if (index >= count) return;
      Result<> done = job(index);
      if (done) continue;
      std::lock_guard lock(mutex);
      if (!first) first = std::move(done).error();
      stop = true;
    }
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(count, width); i++) threads.emplace_back(work);
  work();
  threads.clear();
  if (first) return std::unexpected(*first);
  return {};
}

}  // namespace shoji::images
