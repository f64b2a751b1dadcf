#pragma once
// The program of a partition, from its keeper's side: launched or found again, signalled, and what became of it.
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/partition/store.h"

namespace shoji {

struct ProgramPlace {
  std::string state;   // of the container (runtime/state_store.h)
  std::string id;      // of the container
  std::string bundle;  // directory with config.json
  std::string exits;   // file that its first process writes its end to
};

class Program {
 public:
  // Our standard output and error become its own. Returns when it runs.
  static Result<Program> launch(const ProgramPlace& place);
  // One that an earlier keeper launched; nothing when it has ended since.
  static Result<std::optional<Program>> adopt(const ProgramPlace& place, const PartitionRun& run);

  // What is left of one that ended while nobody kept it: to be collected.
  static Program remains(const ProgramPlace& place) { return {place, 0, 0, UniqueFd(), false}; }

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable when it has ended
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] uint64_t started() const { return started_; }

  Result<> signal(int number) const;
  // SIGKILL to everything in it.
  Result<> kill() const;
  // How it ended, and everything of the container is gone. After pidfd() became readable.
  Result<PartitionExit> collect();

 private:
  Program(ProgramPlace place, pid_t pid, uint64_t started, UniqueFd pidfd, bool ours)
      : place_(std::move(place)), pid_(pid), started_(started), pidfd_(std::move(pidfd)), ours_(ours) {}
  ProgramPlace place_;
  pid_t pid_;
  uint64_t started_;
  UniqueFd pidfd_;
  bool ours_;  // our child: to be reaped
};

// Reads what the first process wrote, "STATUS SECONDS NANOSECONDS\n": its status as of waitpid(2). Nothing: it was killed
// before it could.
std::optional<int> parse_exit_file(std::string_view text);
// Code, signal and reason from a status as of waitpid(2).
PartitionExit exit_of_status(int status);

}  // namespace shoji
