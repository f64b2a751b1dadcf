#pragma once
// The steps that turn the first process into the configured one: limits, identity, rights, program.
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/step_list.h"
#include "namespaces/seccomp/filter.h"
#include "runtime/host_facts.h"
#include "spec/spec.h"

namespace shoji {

struct ProcessPlan {
  const Process& process;
  const Linux& linux;
  const HostFacts& host;
  const std::optional<SeccompFilter>& filter;
  bool in_user_namespace;               // ids and rights are those of a namespace below ours
  const std::vector<IdMapping>& users;  // its uid mappings
  std::vector<std::string>& warnings;
};

// While the child still has the runtime's own rights: hard limits to be raised, oom_score_adj, scheduling.
Result<> plan_privileged(const ProcessPlan& plan, StepList& steps);
// What stays open of the runtime's descriptors while paths of the configuration are walked.
struct KeptDescriptors {
  uint32_t preserve = 0;  // from 3 on: the program's own
  int32_t report_slot = kNoSlot, gate_slot = kNoSlot;
  int32_t exit_slot = kNoSlot;  // instead of a gate
};
// Labels, working directory, limits, umask, ids, capabilities, no_new_privs; then the program is looked for.
Result<> plan_identity(const ProcessPlan& plan, const KeptDescriptors& kept, StepList& steps);
// After the gate: seccomp and what has to come after it, then the program. Descriptors from 3 + `preserve_fds` on close.
// With an exit slot, the first process stays and the program becomes its child (StepKind::kSupervise).
Result<> plan_program(const ProcessPlan& plan, const KeptDescriptors& kept, StepList& steps);
// Which CPUs the caller of the runtime may use is not the container's affair: its cgroup says it. As in runc.
void plan_every_cpu(StepList& steps);
// sched_setaffinity(2) to a list of CPUs.
Result<> plan_affinity(const std::string& cpus, StepList& steps);

// The environment as the program gets it: of several variables with one name the last counts, as in runc; most programs
// would see the first (getenv(3)).
std::vector<std::string> final_environment(const std::vector<std::string>& env);

// Where execvp would look: args[0] itself when it has a slash, else below each directory of PATH.
std::vector<std::string> program_candidates(const Process& process);

}  // namespace shoji
