#include "runtime/console.h"

#include "base/socket.h"

namespace shoji {

Result<> check_console(bool terminal, bool detach, const std::string& console_socket) {
  if (detach && terminal && console_socket.empty())
    return fail(Kind::kInvalid, "a detached container's terminal needs --console-socket");
  if ((!detach || !terminal) && !console_socket.empty())
    return fail(Kind::kInvalid, "--console-socket is only for a detached container with a terminal");
  return {};
}

Result<> send_console(int socket, UniqueFd master) {
  if (auto sent = send_fd(socket, master.get(), "/dev/ptmx"); !sent)
    return Failure(within("--console-socket", sent.error()));
  return {};
}

}  // namespace shoji
