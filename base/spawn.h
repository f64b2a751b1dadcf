#pragma once
// Helper programs: started with given descriptors, waited for with a time limit, their output caught.
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

// Namespaces of another process in which a program is to run (setns(2) with a pidfd).
struct JoinNamespaces {
  int pidfd = -1;  // -1: none are joined
  int flags = 0;   // CLONE_NEW*
};

struct SpawnRequest {
  std::string path;               // absolute; nothing is searched
  std::vector<std::string> args;  // args[0] included
  std::vector<std::string> env;   // exactly this
  JoinNamespaces join;
  std::string directory{};  // to start in, where it can be entered; empty: the caller's
};

struct Captured {
  int status = 0;  // of waitpid(2)
  bool timed_out = false;
  std::string out, err;
};

// The pipes on a program's 0, 1 and 2, seen from outside.
class Capture {
 public:
  static Result<Capture> make();
  // The program's ends.
  [[nodiscard]] int stdio(int number) const { return theirs_[number].get(); }
  // Feeds `input` and waits until the program, a child of ours, ends. One that takes longer than `timeout_ms` (-1: no
  // limit) is killed. The caller ignores SIGPIPE: the program need not read its input.
  Result<Captured> wait(pid_t pid, int pidfd, std::string_view input, int timeout_ms);

 private:
  UniqueFd theirs_[3];
  UniqueFd input_, out_, err_;
};

// Runs the program with `input` on stdin until it ends, as Capture::wait() says. A program that cannot be executed is an
// error; it dies with us. Descriptors above 2 do not reach it, signals are at their defaults.
Result<Captured> run_captured(const SpawnRequest& request, std::string_view input, int timeout_ms);

// "exit status 3" or "signal 9 (Killed)".
std::string status_text(int status);
// What a shell would say: the exit status, or 128 + signal.
int exit_code(int status);

}  // namespace shoji
