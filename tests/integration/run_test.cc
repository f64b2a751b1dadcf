// `run`: one command from bundle to exit code.
#include "tests/catch.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("run gives back the program's exit code", "[run]") {
  Sandbox box;
  box.bundle.probe("exit 7");
  CHECK(box.run().code == 7);
}
