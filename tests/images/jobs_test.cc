#include "images/transfer/jobs.h"

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

TEST_CASE("every job runs once, no more than so many at a time") {
  std::mutex mutex;
  std::multiset<size_t> ran;
  std::atomic<int> running = 0, most = 0;
  Stop stop = false;
  Result<> all = run_jobs(50, 3, stop, [&](size_t i) -> Result<> {
    int now = ++running;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::lock_guard lock(mutex);
    ran.insert(i);
    --running;
    return {};
  });
  CHECK(all);
  CHECK(!stop);
  CHECK(ran.size() == 50);
  CHECK(std::set(ran.begin(), ran.end()).size() == 50);
  CHECK(most == 3);
}

TEST_CASE("after a failure no further job begins, and the first one is told") {
  Stop stop = false;
  std::atomic<int> begun = 0;
  Result<> all = run_jobs(1000, 2, stop, [&](size_t i) -> Result<> {
    ++begun;
    if (i == 3) return fail(Kind::kInvalid, "job 3 is wrong");
    while (i > 3 && !stop) std::this_thread::yield();
    if (stop) return std::unexpected(stopped_error());
    return {};
  });
  REQUIRE(!all);
  CHECK(all.error().text == "job 3 is wrong");
  CHECK(begun <= 6);
}

TEST_CASE("no jobs are no failure") {
  Stop stop = false;
  CHECK(run_jobs(0, 3, stop, [](size_t) -> Result<> { return fail(Kind::kState, "called"); }));
}
