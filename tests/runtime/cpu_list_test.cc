#include "runtime/cpu_list.h"

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("CPU lists become masks") {
  CHECK(cpu_list_mask("0", "x") == std::string("\x01\0\0\0\0\0\0\0", 8));
  CHECK(cpu_list_mask("0-3, 8", "x") == std::string("\x0f\x01\0\0\0\0\0\0", 8));
  CHECK(cpu_list_mask("64", "x")->size() == 16);
}

TEST_CASE("what is no list is refused with its property") {
  for (const char* text : {"", "a", "1-", "3-1", "1,,2", "1,", "9999", "1 2"}) {
    auto mask = cpu_list_mask(text, "cpus");
    REQUIRE_FALSE(mask);
    CHECK(mask.error().text.starts_with("cpus \""));
  }
}
