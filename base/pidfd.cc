#include "base/pidfd.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/io.h"

namespace shoji {

Result<UniqueFd> pidfd_open(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) {
    // EINVAL is older kernels' word for a process that is just being released (pidfd_open(2) has no other cause for it
    // here).
    if (errno == ESRCH || errno == EINVAL)
      return fail(Kind::kNotFound, cat("process ", pid, ": No such process"));
    return fail_errno(errno, cat("open process ", pid));
  }
  return UniqueFd(fd);
}

Result<> pidfd_signal(int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return {};
  int err = errno;
  if (err == ESRCH) return fail(Kind::kNotFound, cat("send signal ", signal, ": No such process"));
  return fail_errno(err, cat("send signal ", signal));
}

Result<bool> pidfd_ended(int pidfd, int timeout_ms) {
  pollfd waiting{pidfd, POLLIN, 0};
  int n = 0;
  do {
    n = poll(&waiting, 1, timeout_ms);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(errno, "wait for a process");
  return n == 1;
}

Result<ProcessFacts> process_facts(pid_t pid) {
  auto text = read_file(cat("/proc/", pid, "/stat"));
  if (!text) {
    // ESRCH: it ended between open and read.
    if (text.error().err == ENOENT || text.error().err == ESRCH)
      return fail(Kind::kNotFound, cat("process ", pid, ": No such process"));
    return std::unexpected(std::move(text).error());
  }
  // The command name may hold anything, ')' and spaces too: fields are counted from the last ')'.
  size_t at = text->rfind(')');
  if (at == std::string::npos || at + 2 >= text->size())
    return fail(Kind::kSystem, cat("read \"/proc/", pid, "/stat\": unexpected format"));
  ProcessFacts facts;
  facts.state = (*text)[at + 2];
  for (int field = 2; field < 22; ++field) {
    at = text->find(' ', at + 1);
    if (at == std::string::npos)
      return fail(Kind::kSystem, cat("read \"/proc/", pid, "/stat\": unexpected format"));
  }
  std::from_chars(text->data() + at + 1, text->data() + text->size(), facts.start_time);
  return facts;
}

Result<std::optional<UniqueFd>> pidfd_of(pid_t pid, uint64_t start_time) {
  // The pidfd comes first: once it is open, the start time read afterwards is of that process or of none.
  auto fd = pidfd_open(pid);
  if (!fd) {
    if (fd.error().kind == Kind::kNotFound) return std::nullopt;
    return std::unexpected(std::move(fd).error());
  }
  auto facts = process_facts(pid);
  if (!facts) {
    if (facts.error().kind == Kind::kNotFound) return std::nullopt;
    return std::unexpected(std::move(facts).error());
  }
  if (facts->start_time != start_time || facts->state == 'Z' || facts->state == 'X') return std::nullopt;
  return std::move(*fd);
}

}  // namespace shoji
