#include "netsetup/host/linger.h"

#include <fcntl.h>
#include <unistd.h>

#include "netsetup/link/requests.h"

namespace shoji::net {

namespace {

void finish_later(HostContext& context, const std::vector<std::string>& interfaces,
                  std::vector<Pending>& pending) {
  context.close_firewall();
  if (!remove_links(context.host, interfaces)) return;  // the next verb tries again: the files stay
  for (Pending& file : pending) ignore(file.finish(), "the next verb clears what it names once more");
}

}  // namespace

void linger(HostContext& context, std::vector<std::string> interfaces, std::vector<Pending> pending) {
  context.must_linger = false;
  pid_t child = fork();
  if (child > 0) return;
  if (child == 0) {
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(stream);
    finish_later(context, interfaces, pending);
    _exit(0);
  }
  // No process to be had: then everybody waits.
  finish_later(context, interfaces, pending);
}

}  // namespace shoji::net
