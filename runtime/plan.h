#pragma once
// From a configuration to the list of what the child does. The order of everything is in plan.cc, on one screen; nothing
// here changes the container, but descriptors are opened.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/step_list.h"
#include "namespaces/id_map.h"
#include "namespaces/mounts/mount_facts.h"
#include "runtime/host_facts.h"
#include "runtime/launch.h"
#include "spec/bundle.h"
#include "spec/spec.h"

namespace shoji {

struct PlanOptions {
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool gate = false;  // create: wait at the start FIFO before the program
  uint32_t preserve_fds = 0;
  // shoji-init stays as the first process, and writes "STATUS SECONDS NANOSECONDS\n" to this file when the program ends:
  // its status as of waitpid(2), and the time. -1: the program itself is the first process. Not together with `gate`.
  int exit_file = -1;
  std::string id;                    // of the container: names the session keyring
  std::string seccomp_cache;         // directory of compiled filters; empty: compile each time
  std::vector<CgroupMount> cgroups;  // as the container may see them
};

// The plan, and what has to stay open until the child has its own copies.
struct InitPlan {
  StepList steps;
  uint64_t clone_flags = 0;
  IdMaps maps;              // of a new user namespace
  bool maps_users = false;  // the child will ask for them
  int32_t gate_slot =
      kNoSlot;  // to be filled with the start FIFO opened O_RDWR (no end of file wakes the child)
  int32_t report_slot = kNoSlot;  // to be filled with the file that takes a failure after the gate
  std::vector<UniqueFd> held;     // the descriptors behind slots; the child inherits them all
  std::vector<std::string> warnings;
};

// The first program of a container. `cgroup_tasks`: open v1 `tasks` files, which the child joins by itself.
Result<InitPlan> plan_container(const Bundle& bundle, const HostFacts& host, const PlanOptions& options,
                                const std::vector<UniqueFd>& cgroup_tasks);

// A further program in a running container (exec, startContainer hooks); `spec` is the container's configuration with
// spec.process replaced by what is to run.
struct JoinTarget {
  int pidfd = -1;           // of the container's first process
  uint64_t namespaces = 0;  // CLONE_NEW* of those that are not the runtime's own
};
Result<InitPlan> plan_exec(const Spec& spec, const JoinTarget& target, const HostFacts& host,
                           const PlanOptions& options, const std::vector<UniqueFd>& cgroup_tasks);
// CLONE_NEW* of the namespaces in which `pid` differs from the runtime. `proc`: the host's /proc.
Result<uint64_t> foreign_namespaces(int proc, pid_t pid);

// What the parent answers while a container is made: maps and clock offsets are written here; hooks and console are the
// caller's. `plan` and `spec` must outlive the answers.
LaunchAnswers plan_answers(const InitPlan& plan, const Spec& spec, const HostFacts& host, int proc);

}  // namespace shoji
