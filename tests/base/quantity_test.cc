#include "base/quantity.h"

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("sizes print as the shortest text that means the same") {
  CHECK(print_size(0) == "0");
  CHECK(print_size(1000) == "1000");
  CHECK(print_size(64 << 20) == "64M");
  CHECK(print_size(1536 << 10) == "1536K");
  for (uint64_t bytes : {uint64_t{1}, uint64_t{4096}, uint64_t{5} << 40, (uint64_t{1} << 50) + 1})
    CHECK(parse_size(print_size(bytes)).value() == bytes);
}

TEST_CASE("durations have units, or are seconds") {
  CHECK(parse_duration("10").value() == 10'000);
  CHECK(parse_duration("1.5s").value() == 1500);
  CHECK(parse_duration("1m30s").value() == 90'000);
  CHECK(parse_duration("2h").value() == 7'200'000);
  CHECK(parse_duration("500ms").value() == 500);
  CHECK(parse_duration("0").value() == 0);
  for (const char* bad : {"", "s", "-1s", "1x", "1m30", "1.s", "10 s", "99999999999999999999s", "1e3s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
  for (uint64_t ms : {uint64_t{0}, uint64_t{1}, uint64_t{1500}, uint64_t{90'061'001}})
    CHECK(parse_duration(print_duration(ms)).value() == ms);
  CHECK(print_duration(90'000) == "1m30s");
}

TEST_CASE("CPU is a percentage of one, or a number of them") {
  CHECK(parse_cpus("50%").value() == 500);
  CHECK(parse_cpus("1.5").value() == 1500);
  CHECK(parse_cpus("250%").value() == 2500);
  CHECK(parse_cpus("12.5%").value() == 125);
  CHECK(print_cpus(500) == "50%");
  CHECK(print_cpus(125) == "12.5%");
  for (const char* bad : {"", "%", "x", "1.", "1.5x", "-1"}) {
    INFO(bad);
    CHECK_FALSE(parse_cpus(bad));
  }
}
