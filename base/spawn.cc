#include "base/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/pidfd.h"

namespace shoji {

namespace {

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// What the child needs, made before the fork: it calls nothing that allocates.
struct Entry {
  const SpawnRequest* request = nullptr;
  char** argv = nullptr;
  char** envp = nullptr;
  int stdio[3] = {-1, -1, -1};
  int failure = -1;  // takes the errno of what did not work
};

[[noreturn]] void give_up(const Entry& entry) {
  int err = errno;
  ssize_t n = write(entry.failure, &err, sizeof err);
  _exit(n == sizeof err ? 127 : 126);
}

// Nobody waits for a helper whose runtime was killed. After setns(2) into a user namespace, which resets it (prctl(2)).
void die_with_parent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// `parent`: who forked us, as far as it has a number here (a process outside of our pid namespace is 0).
[[noreturn]] void execute(const Entry& entry, pid_t parent) {
  die_with_parent();
  if (getppid() != parent) _exit(126);
  // A hook's bundle may be gone by then, and a container's root may not be allowed to search the way to it.
  if (!entry.request->directory.empty() && chdir(entry.request->directory.c_str()) != 0) errno = 0;
  for (int i = 0; i < 3; ++i)
    if (dup2(entry.stdio[i], i) < 0) give_up(entry);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Whatever the caller of the runtime left open is not for this program.
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execve(entry.request->path.c_str(), entry.argv, entry.envp);
  give_up(entry);
}

// setns puts only children into a pid namespace: this process stays outside, waits, and ends as its child did. It is
// the runtime's own program in the container's namespaces, so that nothing inside may trace it (CVE-2019-5736).
[[noreturn]] void execute_joined(const Entry& entry, pid_t parent) {
  const JoinNamespaces& join = entry.request->join;
  prctl(PR_SET_DUMPABLE, 0);
  if (setns(join.pidfd, join.flags) != 0) give_up(entry);
  die_with_parent();
  if (getppid() != parent) _exit(126);
  const pid_t self = (join.flags & CLONE_NEWPID) != 0 ? 0 : getpid();
  pid_t child = fork();
  if (child < 0) give_up(entry);
  if (child == 0) execute(entry, self);
  // The runtime waits for the end of the pipes; only the program itself may hold it up.
  close_range(0, ~0U, 0);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
  }
  _exit(exit_code(status));
}

struct Running {
  pid_t pid = -1;
  UniqueFd pidfd;
};

Result<Running> start(const SpawnRequest& request, const Capture& capture) {
  TRY_ASSIGN(Pipe failure, make_pipe());
  std::vector<char*> argv = pointers(request.args);
  std::vector<char*> envp = pointers(request.env);
  Entry entry{&request,
              argv.data(),
              envp.data(),
              {capture.stdio(0), capture.stdio(1), capture.stdio(2)},
              failure.write.get()};
  const pid_t self = getpid();
  pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, cat("execute ", quote(request.path)));
  if (pid == 0) {
    if (request.join.pidfd >= 0) execute_joined(entry, self);
    execute(entry, self);
  }
  failure.write.reset();
  int failed = 0;
  ssize_t n = 0;
  do {
    n = read(failure.read.get(), &failed, sizeof failed);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof failed) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return fail_errno(failed, cat("execute ", quote(request.path)));
  }
  TRY_ASSIGN(UniqueFd pidfd, pidfd_open(pid));
  return Running{pid, std::move(pidfd)};
}

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Reads what there is; closes the descriptor at the end of file.
void drain(UniqueFd& fd, std::string& into) {
  char buffer[16384];
  while (fd) {
    ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n > 0) {
      into.append(buffer, static_cast<size_t>(n));
    } else if (n == 0) {
      fd.reset();
    } else if (errno != EINTR) {
      return;
    }
  }
}

void feed(UniqueFd& fd, std::string_view& input) {
  while (!input.empty()) {
    ssize_t n = write(fd.get(), input.data(), input.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;  // EPIPE: it does not want to know
    input.remove_prefix(static_cast<size_t>(n));
  }
  fd.reset();
}

}  // namespace

Result<Capture> Capture::make() {
  Capture capture;
  UniqueFd* ours[] = {&capture.input_, &capture.out_, &capture.err_};
  for (int i = 0; i < 3; ++i) {
    TRY_ASSIGN(Pipe pipe, make_pipe());
    capture.theirs_[i] = std::move(i == 0 ? pipe.read : pipe.write);
    *ours[i] = std::move(i == 0 ? pipe.write : pipe.read);
    fcntl(ours[i]->get(), F_SETFL, O_NONBLOCK);
  }
  return capture;
}

Result<Captured> Capture::wait(pid_t pid, int pidfd, std::string_view input, int timeout_ms) {
  for (UniqueFd& fd : theirs_) fd.reset();
  Captured captured;
  const int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
  feed(input_, input);
  while (true) {
    pollfd waiting[] = {
        {pidfd, POLLIN, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}, {input_.get(), POLLOUT, 0}};
    int64_t left = deadline < 0 || captured.timed_out ? -1 : std::max<int64_t>(0, deadline - now_ms());
    int n = poll(waiting, 4, static_cast<int>(left));
    if (n < 0 && errno != EINTR) return fail_errno(errno, "wait for a program");
    drain(out_, captured.out);
    drain(err_, captured.err);
    if (input_) feed(input_, input);
    // A grandchild may hold the pipes open for ever: the end of the program itself counts.
    if (n > 0 && waiting[0].revents != 0) break;
    if (n == 0 && !captured.timed_out) {
      captured.timed_out = true;
      ignore(pidfd_signal(pidfd, SIGKILL), "it may have ended just now");
    }
  }
  drain(out_, captured.out);
  drain(err_, captured.err);
  while (waitpid(pid, &captured.status, 0) < 0 && errno == EINTR) {
  }
  return captured;
}

Result<Captured> run_captured(const SpawnRequest& request, std::string_view input, int timeout_ms) {
  TRY_ASSIGN(Capture capture, Capture::make());
  TRY_ASSIGN(Running running, start(request, capture));
  return capture.wait(running.pid, running.pidfd.get(), input, timeout_ms);
}

std::string status_text(int status) {
  if (WIFSIGNALED(status)) {
    const char* words = sigdescr_np(WTERMSIG(status));
    return cat("signal ", WTERMSIG(status), " (", words != nullptr ? words : "real-time", ")");
  }
  return cat("exit status ", WEXITSTATUS(status));
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace shoji
