#pragma once
// The terminal of a container: who gets its master end.
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

// Whether the flags fit the configuration, in runc's terms: a terminal of a detached container goes to a console
// socket, and only that does.
Result<> check_console(bool terminal, bool detach, const std::string& console_socket);

// Hands the master to the other end of a connected console socket, named as runc names it.
Result<> send_console(int socket, UniqueFd master);

}  // namespace shoji
