#include "netsetup/host/linger.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "netsetup/conntrack/conntrack.h"
#include "netsetup/link/requests.h"

namespace shoji::net {

namespace {

// The standard streams, and whatever else our caller left open: who waits for the end of a pipe, or for a lock, does not
// wait for us. What is ours is close-on-exec.
void close_inherited() {
  std::vector<int> inherited;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir("/proc/self/fd"), closedir);
  while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
    auto fd = static_cast<int>(strtol(entry->d_name, nullptr, 10));  // "." and "..": 0, which is one of them
    if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) inherited.push_back(fd);
  }
  for (int fd : inherited) close(fd);
}

void finish_later(HostContext& context, const std::vector<std::string>& interfaces,
                  std::vector<Pending>& pending) {
  ignore(forget_connections(context.left_addresses), "they end by themselves when nobody answers");
  context.close_firewall();
  if (!remove_links(context.host, interfaces)) return;  // the next verb tries again: the files stay
  for (Pending& file : pending) ignore(file.finish(), "the next verb clears what it names once more");
}

}  // namespace

void linger(HostContext& context, std::vector<std::string> interfaces, std::vector<Pending> pending) {
  context.must_linger = false;
  pid_t child = fork();
  if (child > 0) {
    context.left_addresses.clear();
    return;
  }
  if (child == 0) {
    close_inherited();
    finish_later(context, interfaces, pending);
    _exit(0);
  }
  // No process to be had: then everybody waits.
  finish_later(context, interfaces, pending);
}

}  // namespace shoji::net
