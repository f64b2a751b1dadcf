#pragma once
// From a configuration to the list of what the child does: decided here, without side effects on the container.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/step_list.h"
#include "runtime/host_facts.h"
#include "spec/bundle.h"
#include "spec/spec.h"

namespace shoji {

struct PlanOptions {
  bool no_pivot = false;
  bool no_new_keyring = false;
  uint32_t preserve_fds = 0;
  bool gate = false;              // create: wait at the start FIFO before the program
  std::string keyring_name;       // the container id
};

// The plan and what has to stay open until the child has its own copies.
struct InitPlan {
  StepList steps;
  uint64_t clone_flags = 0;
  bool maps_ids = false;             // the child will ask for uid/gid maps or time offsets
  bool asks_hooks = false;
  int32_t gate_slot = kNoSlot;       // to be filled with the start FIFO opened O_RDWR (no end of file wakes the child), its only reader
  int32_t report_slot = kNoSlot;     // to be filled with the file that takes a late failure
  int32_t console_slot = kNoSlot;
  std::vector<UniqueFd> held;        // descriptors behind slots
  std::vector<std::string> warnings;
};

// The first program of a container. `cgroup_tasks`: open v1 `tasks` files that the child joins by itself.
Result<InitPlan> plan_container(const Bundle& bundle, const HostFacts& host, const PlanOptions& options,
                                const std::vector<UniqueFd>& cgroup_tasks);

// A further program in a running container whose first process is `pid` (exec, startContainer hooks).
struct JoinTarget {
  pid_t pid = -1;
  int pidfd = -1;
  bool new_user_namespace = false;   // the container has its own
};
Result<InitPlan> plan_exec(const Process& process, const Spec& spec, const JoinTarget& target, const HostFacts& host,
                           const PlanOptions& options, const std::vector<UniqueFd>& cgroup_tasks);

}  // namespace shoji
