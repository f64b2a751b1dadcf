#include "runtime/keeper/control.h"
#include "runtime/keeper/program.h"
#include "tests/catch.h"

using namespace shoji;

TEST_CASE("a program's end is told by its status") {
  CHECK(exit_of_status(0).reason == "exited with 0");
  CHECK(exit_of_status(7 << 8).code == 7);
  PartitionExit killed = exit_of_status(9);
  CHECK(killed.code == 137);
  CHECK(killed.signal == 9);
  CHECK(killed.reason == "killed by signal 9 (Killed)");
}

TEST_CASE("an exit file counts when it is whole") {
  CHECK(parse_exit_file("1792 1700000000 5\n") == 1792);
  CHECK_FALSE(parse_exit_file(""));
  CHECK_FALSE(parse_exit_file("1792 17000"));
  CHECK_FALSE(parse_exit_file("x\n"));
}

TEST_CASE("words of a packet") {
  CHECK(split_words(" stop  15 100 ") == std::vector<std::string_view>{"stop", "15", "100"});
  CHECK(split_words("").empty());
}
