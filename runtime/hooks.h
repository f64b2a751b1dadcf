#pragma once
// Hooks: programs that the configuration wants run at points of the lifecycle (config.md "POSIX-platform Hooks").
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"
#include "spec/spec.h"

namespace shoji {

// Where and with what a hook runs, as in runc: the host's hooks in the bundle, with the runtime's environment unless they
// have their own; those inside the container in its root, with its program's.
struct HookPlace {
  std::string directory;
  std::vector<std::string> environment{};
  JoinNamespaces join{};
};
HookPlace on_host(const std::string& bundle);

// Runs them in order, the state document on stdin, until one does not work: what it said last on stderr is part of
// the error. `kind` is the hooks' name in the configuration.
Result<> run_hooks(const std::vector<Hook>& hooks, std::string_view kind, std::string_view state,
                   const HookPlace& place);

// The same where a failure must not stop anything (poststop): it is logged, the others run.
void run_hooks_to_the_end(const std::vector<Hook>& hooks, std::string_view kind, std::string_view state,
                          const HookPlace& place);

// How long it may take; -1: as long as it likes.
int hook_timeout_ms(const Hook& hook);
// The sentence for a hook that ended so; empty when it worked.
std::string hook_complaint(const Hook& hook, std::string_view kind, const Captured& captured);

// What has to be joined to stand where process `pid` is: the namespaces that are not ours already.
Result<JoinNamespaces> namespaces_of(pid_t pid, int pidfd);
// The pid that a process has inside the innermost of its pid namespaces (NSpid in proc_pid_status(5)).
Result<pid_t> pid_inside(pid_t pid);

}  // namespace shoji
