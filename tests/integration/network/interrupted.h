#pragma once
// Programs that are killed in the middle of what they do, at a system call of the test's choice: unlike a moment of time
// that is the same place each time, and all places can be had.
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace shoji::test {

// Runs the program to its end and returns how many moments there are: entries into and returns from system calls.
size_t moments_of(const Command& command);
// Kills it (SIGKILL) at the `moment`-th of them, from 0 on. False: it had ended by itself before.
bool kill_at(const Command& command, size_t moment);

}  // namespace shoji::test
