#pragma once
// Programs of others that the tests hold ours against: skopeo, umoci, tar.
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace shoji::test {

// The path of a program in PATH; the test stops when it is not installed.
std::string tool(const std::string& name);

// Runs `argv` (argv[0] by its name) and returns what it printed; the test stops when it does not exit with 0.
std::string must(std::vector<std::string> argv, double seconds = 120);
Finished tried(std::vector<std::string> argv, double seconds = 120);

}  // namespace shoji::test
