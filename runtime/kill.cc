#include <csignal>

#include "base/pidfd.h"
#include "runtime/inspect.h"

namespace shoji {

namespace {

Failure not_running() {
  return fail(Kind::kState, "container not running");
}

// containerd asks for this after the first process of a pod's container has ended: the others share the pod's pid
// namespace and live on.
Result<> signal_all(const ContainerFacts& facts, int signal) {
  TRY_ASSIGN(Cgroup cgroup, open_cgroup(facts));
  TRY_ASSIGN(std::vector<pid_t> pids, cgroup.pids());
  if (pids.empty()) return not_running();
  return cgroup.kill(signal);
}

// The v1 freezer holds even a killed process.
void thaw_killed(const ContainerFacts& facts) {
  auto cgroup = open_cgroup(facts);
  if (cgroup && cgroup->frozen().value_or(false)) ignore(cgroup->thaw(), "the signal has been sent");
}

}  // namespace

Result<> signal_container(const std::string& root, const std::string& id, int signal, bool all) {
  TRY_ASSIGN(ContainerFacts facts, StateStore(root).load(id));
  if (all) return signal_all(facts, signal);
  TRY_ASSIGN(std::optional<UniqueFd> process, first_process(facts));
  if (!process) return not_running();
  // Without a pid namespace of its own the other processes would outlive the first one.
  if (signal == SIGKILL && !facts.own_pid_namespace) return signal_all(facts, signal);
  if (auto sent = pidfd_signal(process->get(), signal); !sent) {
    if (sent.error().kind == Kind::kNotFound) return not_running();
    return sent;
  }
  if (signal == SIGKILL) thaw_killed(facts);
  return {};
}

}  // namespace shoji
