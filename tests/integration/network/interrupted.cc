#include "tests/integration/network/interrupted.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>

#include "tests/catch.h"

namespace shoji::test {

namespace {

constexpr size_t kNever = std::numeric_limits<size_t>::max();

[[noreturn]] void become_traced(const std::vector<char*>& argv) {
  int nothing = open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) dup2(nothing, fd);
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  execv(argv[0], argv.data());
  _exit(126);
}

// How many moments the program reached before it ended or was killed; `killed` says which.
size_t trace(const Command& command, size_t moment, bool& killed) {
  std::vector<char*> argv;
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = fork();
  if (pid == 0) become_traced(argv);
  int status = 0;
  size_t reached = 0;
  killed = false;
  int pass_on = 0;
  bool started = false;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    int signal = WSTOPSIG(status);
    if (!started) {  // the stop behind execve(2)
      ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
      started = true;
    } else if (signal == (SIGTRAP | 0x80)) {
      if (reached++ == moment) {
        killed = kill(pid, SIGKILL) == 0;
        waitpid(pid, &status, 0);
        return reached;
      }
    } else if (signal !=
               SIGTRAP) {  // without an option for it, execve(2) of the program itself stops with SIGTRAP
      pass_on = signal;
    }
    ptrace(PTRACE_SYSCALL, pid, nullptr, pass_on);
    pass_on = 0;
  }
  if (moment == kNever) {
    INFO("status " << status);
    CHECK(status == 0);
  }
  return reached;
}

}  // namespace

size_t moments_of(const Command& command) {
  bool killed = false;
  return trace(command, kNever, killed);
}

bool kill_at(const Command& command, size_t moment) {
  bool killed = false;
  trace(command, moment, killed);
  return killed;
}

}  // namespace shoji::test
