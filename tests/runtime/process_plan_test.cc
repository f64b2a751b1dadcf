#include "runtime/process_plan.h"

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("of variables with one name the last counts") {
  using Env = std::vector<std::string>;
  CHECK(final_environment({"A=1", "B=2", "A=3"}) == Env{"B=2", "A=3"});
  CHECK(final_environment({"A=", "AB=1", "A"}) == Env{"AB=1", "A"});
  CHECK(final_environment({}).empty());
}

TEST_CASE("programs are looked for as execvp does, but not in the working directory") {
  using Paths = std::vector<std::string>;
  Process process;
  process.args = {"sh"};
  CHECK(program_candidates(process).empty());
  process.env = {"PATH=/bin", "PATH=/usr/bin::/opt/bin:"};
  CHECK(program_candidates(process) == Paths{"/usr/bin/sh", "/opt/bin/sh"});
  process.args = {"./sh"};
  CHECK(program_candidates(process) == Paths{"./sh"});
}
