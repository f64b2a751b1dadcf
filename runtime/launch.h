#pragma once
// Starts shoji-init with a plan and answers it until the planned program is about to run.
//
// The child is shoji-init from a sealed memfd, not this program: nothing inside the container ever sees the runtime's
// own executable (CVE-2019-5736), and nothing after the clone allocates, formats or logs.
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/step_list.h"

namespace shoji {

struct LaunchRequest {
  const StepList* plan = nullptr;
  uint64_t clone_flags = 0;    // CLONE_NEW* that the clone itself makes (never NEWUSER, NEWCGROUP, NEWTIME)
  int cgroup_fd = -1;          // CLONE_INTO_CGROUP; -1: stay
  int proc_fd = -1;            // the host's /proc (O_PATH), kept open in the child
  int stdio[3] = {0, 1, 2};    // what becomes the child's 0, 1, 2
  std::vector<int> inherited;  // further descriptors that stay open in the child under their numbers
};

// What the child may ask on its way. A returned error stops it. Each may be empty when the plan cannot ask it.
struct LaunchAnswers {
  std::move_only_function<Result<>(pid_t pid)> map_ids;
  std::move_only_function<Result<>(pid_t pid)> time_offsets;
  std::move_only_function<Result<>(pid_t pid)> net_devices;
  std::move_only_function<Result<>(pid_t pid)> create_hooks;
  std::move_only_function<Result<>(UniqueFd master)> console;
};

// A child between clone and exec. Destroying it before detach() ends the child: it sees its parent's socket close.
class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }

  // Answers until the child is ready (SyncPoint::kReady): everything is made, nothing of the program has run.
  // A step that did not work comes back as its sentence.
  Result<> until_ready(LaunchAnswers& answers);
  // Lets the ready child go on: to the start gate when the plan has one, else to the program.
  Result<> go();
  // After go(), when the plan has no gate: waits until the program runs, or returns why it does not.
  Result<> until_running();
  // The child lives on without us.
  void detach();

 private:
  friend Result<Child> launch(const LaunchRequest& request);
  Result<> take_message(LaunchAnswers& answers, bool& ready);
  Error failure(uint32_t index, uint32_t part, int err, const char* text) const;
  void end();

  const StepList* plan_ = nullptr;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd socket_;
};

Result<Child> launch(const LaunchRequest& request);

}  // namespace shoji
