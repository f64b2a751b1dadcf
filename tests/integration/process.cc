#include "tests/integration/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>

#include "tests/integration/bundle.h"
#include "tests/integration/wait.h"

namespace shoji::test {
namespace {

std::set<pid_t>& owned() {
  static std::set<pid_t> pids;
  return pids;
}

std::set<pid_t>& services() {
  static std::set<pid_t> pids;
  return pids;
}

std::map<pid_t, int>& ended_orphans() {
  static std::map<pid_t, int> codes;
  return codes;
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

UniqueFd unnamed_file() {
  UniqueFd fd(open(temporary_base().c_str(), O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) throw std::runtime_error("an unnamed file in TMPDIR cannot be made");
  return fd;
}

std::string contents(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  ssize_t n = pread(fd, text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

void set_up_stdio(const Command& command, int in, int out, int err) {
  if (command.terminal >= 0) {
    setsid();
    ioctl(command.terminal, TIOCSCTTY, 0);
    in = out = command.terminal;
  }
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
}

// After fork: nothing but what execve needs.
[[noreturn]] void become(const Command& command, int in, int out, int err) {
  set_up_stdio(command, in, out, err);
  for (auto [from, to] : command.fds)
    if (from == to)
      fcntl(from, F_SETFD, 0);
    else
      dup2(from, to);
  for (auto [resource, soft] : command.soft_limits) {
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    limit.rlim_cur = soft;
    setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  }
  for (int entered : command.namespaces)
    if (setns(entered, 0) != 0) _exit(125);
  if (!command.cwd.empty() && chdir(command.cwd.c_str()) != 0) _exit(125);
  auto argv = pointers(command.argv);
  if (command.env) {
    auto env = pointers(*command.env);
    execve(argv[0], argv.data(), env.data());
  } else {
    execv(argv[0], argv.data());
  }
  _exit(126);
}

}  // namespace

Process::Process(const Command& command) : out_(unnamed_file()), err_(unnamed_file()) {
  UniqueFd in;
  if (command.input.empty()) {
    in.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  } else {
    in = unnamed_file();
    if (write(in.get(), command.input.data(), command.input.size()) < 0)
      throw std::runtime_error("the input of a test program cannot be written");
    lseek(in.get(), 0, SEEK_SET);
  }
  fflush(stdout);
  pid_ = fork();
  if (pid_ == 0) become(command, in.get(), out_.get(), err_.get());
  if (pid_ < 0) throw std::runtime_error("fork for a test program");
  owned().insert(pid_);
  if (command.service) services().insert(pid_);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      reaped_(other.reaped_),
      status_(other.status_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

Process::~Process() {
  if (pid_ < 0) return;
  if (!reaped_) {
    signal(SIGKILL);
    reap(true);
  }
  owned().erase(pid_);
  services().erase(pid_);
}

bool Process::reap(bool block) {
  if (!reaped_ && waitpid(pid_, &status_, block ? 0 : WNOHANG) == pid_) reaped_ = true;
  return reaped_;
}

bool Process::running() {
  return !reap(false);
}
std::string Process::out() const {
  return contents(out_.get());
}
std::string Process::err() const {
  return contents(err_.get());
}

void Process::signal(int number) const {
  if (!reaped_) kill(pid_, number);
}

Finished Process::wait(double seconds) {
  Finished result;
  // Meanwhile orphans are reaped: the first process of a pid namespace ends only when every other one in it,
  // detached `exec`s that became our children among them, is gone.
  if (!reaped_) {
    UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    pollfd p{fd.get(), POLLIN, 0};
    double deadline = now() + seconds * time_factor();
    while (poll(&p, 1, 10) == 0 && !result.timed_out) {
      reap_orphans();
      result.timed_out = now() > deadline;
    }
    if (result.timed_out) signal(SIGKILL);
    reap(true);
  }
  result.code = result.timed_out ? -1 : exit_code(status_);
  result.out = out();
  result.err = err();
  return result;
}

void become_subreaper() {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

namespace {

// Our children as the kernel lists them, with the state letter of each.
std::map<pid_t, char> children() {
  std::map<pid_t, char> result;
  std::string path = "/proc/self/task/" + std::to_string(getpid()) + "/children";
  FILE* list = fopen(path.c_str(), "re");
  if (list == nullptr) throw std::runtime_error(path + " is not there");
  for (int pid = 0; fscanf(list, "%d", &pid) == 1;) {
    char state = 'Z';
    FILE* stat = fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "re");
    if (stat != nullptr) {
      if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
      fclose(stat);
    }
    result[pid] = state;
  }
  fclose(list);
  return result;
}

}  // namespace

void reap_orphans() {
  for (auto [pid, state] : children()) {
    int status = 0;
    if (state == 'Z' && !owned().contains(pid) && waitpid(pid, &status, WNOHANG) == pid)
      ended_orphans()[pid] = exit_code(status);
  }
}

std::optional<int> orphan_exit_code(pid_t pid) {
  reap_orphans();
  auto found = ended_orphans().find(pid);
  if (found == ended_orphans().end()) return std::nullopt;
  return found->second;
}

std::vector<pid_t> living_children() {
  std::vector<pid_t> result;
  for (auto [pid, state] : children())
    if (state != 'Z' && state != 'X' && !services().contains(pid)) result.push_back(pid);
  return result;
}

}  // namespace shoji::test
