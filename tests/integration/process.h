#pragma once
// A program run by a test. Its stdout and stderr go to unnamed files, not pipes: a container that outlives
// the runtime keeps them open, and must block neither itself nor us.
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace shoji::test {

struct Command {
  std::vector<std::string> argv = {};
  std::string cwd = {};                              // empty: ours
  std::string input = {};                            // its stdin; empty: /dev/null
  std::optional<std::vector<std::string>> env = {};  // absent: ours
  std::vector<std::pair<int, int>> fds = {};         // our descriptor -> its number in the program
  int terminal = -1;                                 // a pty slave to be its stdio and controlling terminal
  std::vector<std::pair<int, unsigned long>> soft_limits = {};  // RLIMIT_* -> soft value
  std::vector<int> namespaces = {};  // descriptors of namespaces to run in (setns(2))
  bool service = false;              // serves the test: not among living_children()
};

struct Finished {
  int code = -1;  // exit code, or 128 + signal
  bool timed_out = false;
  std::string out;
  std::string err;
};

class Process {
 public:
  explicit Process(const Command& command);
  ~Process();  // kills and reaps it if it still runs
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  Process(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  [[nodiscard]] bool running();
  void signal(int number) const;
  Finished wait(double seconds = 20);  // kills it when the time is over

 private:
  bool reap(bool block);
  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
  UniqueFd out_, err_;
};

inline Finished run_command(const Command& command, double seconds = 20) {
  return Process(command).wait(seconds);
}

// The test is a subreaper: a container whose runtime has exited becomes its child. Orphans are collected by
// reap_orphans(), which remembers how they ended.
void become_subreaper();
void reap_orphans();
std::optional<int> orphan_exit_code(pid_t pid);  // exit code or 128 + signal, once it is over
std::vector<pid_t> living_children();            // zombies and services do not count

}  // namespace shoji::test
