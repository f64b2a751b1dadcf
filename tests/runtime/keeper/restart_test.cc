#include "runtime/keeper/restart.h"

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("restart policies") {
  PartitionRestart policy;
  CHECK_FALSE(next_start(policy, {}, true, 0));
  policy.policy = RestartPolicy::kOnFailure;
  CHECK_FALSE(next_start(policy, {}, false, 0));
  CHECK(next_start(policy, {}, true, 0) == 100U);
  policy.retries = 2;
  CHECK(next_start(policy, {.restarts = 1, .in_a_row = 1}, true, 0) == 200U);
  CHECK_FALSE(next_start(policy, {.restarts = 2, .in_a_row = 2}, true, 0));
  policy = {.policy = RestartPolicy::kAlways};
  CHECK(next_start(policy, {}, false, 0) == 100U);
  CHECK_FALSE(next_start(policy, {.stopped = true}, false, 0));
}

TEST_CASE("a crash loop backs off, a good run starts it over") {
  PartitionRestart policy{.policy = RestartPolicy::kAlways, .delay = 100, .longest = 1000};
  CHECK(next_start(policy, {.restarts = 3, .in_a_row = 3}, true, 50) == 800U);
  CHECK(next_start(policy, {.restarts = 9, .in_a_row = 9}, true, 50) == 1000U);
  CHECK(next_start(policy, {.restarts = 4'000'000'000, .in_a_row = 4'000'000'000}, true, 50) == 1000U);
  CHECK(next_start(policy, {.restarts = 9, .in_a_row = 9}, true, kGoodRun) == 100U);
}
