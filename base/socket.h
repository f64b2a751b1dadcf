#pragma once
// AF_UNIX sockets.
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

// A stream socket connected to the one bound at `path`, which may be longer than sun_path.
Result<UniqueFd> connect_unix(const std::string& path);

// Sends `payload` with the descriptor attached (SCM_RIGHTS).
Result<> send_fd(int socket, int fd, std::string_view payload);

}  // namespace shoji
