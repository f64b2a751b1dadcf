#pragma once
// A further program in a running container: what exec and startContainer hooks have in common.
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "cgroups/manager.h"
#include "runtime/host_facts.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/state_store.h"
#include "spec/spec.h"

namespace shoji {

struct JoiningRequest {
  const ContainerFacts* facts = nullptr;
  int pidfd = -1;              // of the container's first process
  const Spec* spec = nullptr;  // of the container, with /process replaced by what is to run
  std::string program;         // the file to execute; empty: what args[0] says
  std::string cgroup;          // below the container's own; empty: that one
  uint32_t preserve_fds = 0;
  std::string seccomp_cache;
  int stdio[3] = {0, 1, 2};
};

class Joining {
 public:
  explicit Joining(JoiningRequest request) : request_(std::move(request)) {}

  // The process is in its place and ready to execute the program. Destroying the object before release() ends it.
  // `console` takes the terminal's master.
  Result<> make(std::move_only_function<Result<>(UniqueFd master)> console);
  // Returns when the program runs.
  Result<> release();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return child_.pidfd(); }

 private:
  Result<> open_place();
  Result<> plan();
  Result<> launch_child();

  JoiningRequest request_;
  UniqueFd proc_;
  HostFacts host_;
  std::optional<Cgroup> cgroup_;
  UniqueFd nested_cgroup_;
  std::vector<UniqueFd> cgroup_tasks_;
  InitPlan plan_;
  Child child_;
  pid_t pid_ = -1;
};

}  // namespace shoji
