#pragma once
// Standing in for a program in the foreground: signals and the terminal go through, its exit status comes back.
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

class Foreground {
 public:
  Foreground() = default;
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;
  ~Foreground();

  // Blocks the signals that will be forwarded: from here on none gets lost. To be called before the program runs.
  Result<> catch_signals();

  // Waits until the process (a child of ours) ends, and returns what a shell would: its status, or 128 + signal.
  // `master` is its terminal, or empty.
  Result<int> wait(pid_t pid, int pidfd, UniqueFd master);

 private:
  Result<> take_signals(int pidfd);

  UniqueFd signals_;
  int master_ = -1;
  bool blocked_ = false;
  pid_t pid_ = -1;
  int status_ = -1;  // of waitpid(2); -1: not yet
};

}  // namespace shoji
