#pragma once
// The steps that turn the first process into the configured one: limits, identity, rights, program.
#include <string>
#include <vector>

#include "base/error.h"
#include "base/step_list.h"
#include "runtime/host_facts.h"
#include "spec/spec.h"

namespace shoji {

struct ProcessPlan {
  const Process& process;
  const Spec& spec;
  const HostFacts& host;
  bool new_user_namespace = false;      // ids and rights are those of a namespace below ours
  bool joins_user_namespace = false;
  std::vector<std::string>& warnings;
};

// While the child still has the runtime's own rights: hard limits to be raised, oom_score_adj, scheduling.
Result<> plan_privileged(const ProcessPlan& plan, StepList& steps);
// Working directory, limits, umask, ids, capabilities, no_new_privs; then the program is looked for.
Result<> plan_identity(const ProcessPlan& plan, StepList& steps);
// After the gate: seccomp and what has to come after it, then the program.
Result<> plan_program(const ProcessPlan& plan, uint32_t preserve_fds, const std::string& seccomp_filter, uint32_t seccomp_flags,
                      StepList& steps);

// Where execvp would look: args[0] itself when it has a slash, else below each directory of PATH.
std::vector<std::string> program_candidates(const Process& process);

}  // namespace shoji
