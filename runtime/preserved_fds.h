#pragma once
// Descriptors of the caller that the container's program gets: --preserve-fds and socket activation (sd_listen_fds(3)).
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace shoji {

// How many descriptors from 3 on a new container gets: those of $LISTEN_FDS, when they are meant for us, and `asked`
// more.
uint32_t preserved_fds(uint32_t asked);

// Every one of them has to be open before the runtime opens anything itself: a hole would be filled by a descriptor of
// the runtime, which must not reach the container (CVE-2024-21626).
Result<> check_preserved_fds(uint32_t count);

// LISTEN_FDS and LISTEN_PID for the program, when there are activation sockets.
void add_listen_variables(std::vector<std::string>& env);

}  // namespace shoji
