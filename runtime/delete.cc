#include <csignal>

#include "base/pidfd.h"
#include "runtime/hooks.h"
#include "runtime/inspect.h"
#include "runtime/teardown.h"

namespace shoji {

namespace {

// A container that has not started may be deleted like a stopped one, as in runc.
Result<> check_deletable(const ContainerView& view, bool force) {
  if (force || view.status == Status::kStopped || view.status == Status::kCreated) return {};
  return fail(Kind::kState, cat("cannot delete container ", view.facts.id,
                                " that is not stopped: ", status_name(view.status)));
}

// Sends the first process its end and waits for it. Nothing is left of a pid namespace once its first process is gone.
Result<> end_process(const ContainerFacts& facts, Cgroup& cgroup) {
  TRY_ASSIGN(std::optional<UniqueFd> process, first_process(facts));
  if (!process) return {};
  constexpr int kPatienceMs = 10'000;
  if (auto sent = pidfd_signal(process->get(), SIGKILL); !sent && sent.error().kind != Kind::kNotFound)
    return sent;
  TRY_ASSIGN(bool ended, pidfd_ended(process->get(), 0));
  if (ended) return {};
  // The v1 freezer holds even a killed process.
  if (cgroup.frozen().value_or(false)) ignore(cgroup.thaw(), "the wait below tells whether it mattered");
  TRY_ASSIGN(ended, pidfd_ended(process->get(), kPatienceMs));
  if (!ended) return fail(Kind::kState, cat("process ", facts.pid, " is still there 10 s after SIGKILL"));
  return {};
}

// For `delete --force` when state.json does not read: the control group follows from the saved configuration, and who
// is in it is the container.
ContainerFacts guess_facts(const StateStore& store, const std::string& id) {
  ContainerFacts facts;
  facts.id = id;
  auto host = CgroupHost::detect();
  auto spec = load_saved_spec(store, id);
  if (!host || !spec) return facts;
  facts.has_poststop = !spec->hooks.poststop.empty();
  if (auto cgroup = Cgroup::plan(*host, spec->linux.cgroups_path, id)) facts.cgroup_paths = cgroup->paths();
  return facts;
}

}  // namespace

Result<> tear_down(const StateStore& store, const StateStore::Locked& container, const ContainerFacts& facts,
                   Cgroup& cgroup) {
  TRY(end_process(facts, cgroup));
  // Whoever shares our pid namespace, or was left by a creator that was killed, is still in there.
  TRY(cgroup.kill(SIGKILL));
  TRY(cgroup.remove());
  if (facts.has_poststop) {
    if (auto spec = load_saved_spec(store, facts.id))
      run_hooks_to_the_end(spec->hooks.poststop, "poststop", hook_state(facts, Status::kStopped, 0),
                           on_host(facts.bundle));
  }
  return store.remove(container, facts.id);
}

Result<> delete_container(const std::string& root, const std::string& id, bool force) {
  StateStore store(root);
  auto locked = store.lock(id);
  if (!locked) {
    if (force && locked.error().kind == Kind::kNotFound) return {};
    return std::unexpected(std::move(locked).error());
  }
  auto facts = store.load(id);
  if (!facts && force) facts = guess_facts(store, id);
  if (!facts) return std::unexpected(std::move(facts).error());
  if (!force) {
    TRY_ASSIGN(ContainerView view, inspect(store, *facts));
    TRY(check_deletable(view, force));
  }
  TRY_ASSIGN(Cgroup cgroup, open_cgroup(*facts));
  return tear_down(store, *locked, *facts, cgroup);
}

}  // namespace shoji
