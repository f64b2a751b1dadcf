// pause and resume.
#include "runtime/inspect.h"

namespace shoji {

namespace {

Result<Status> status_of(const std::string& root, const std::string& id, ContainerFacts& facts) {
  StateStore store(root);
  TRY_ASSIGN(facts, store.load(id));
  TRY_ASSIGN(ContainerView view, inspect(store, facts));
  return view.status;
}

}  // namespace

Result<> pause_container(const std::string& root, const std::string& id) {
  ContainerFacts facts;
  TRY_ASSIGN(Status status, status_of(root, id, facts));
  if (status != Status::kRunning && status != Status::kCreated)
    return fail(Kind::kState, "container not running");
  TRY_ASSIGN(Cgroup cgroup, open_cgroup(facts));
  return cgroup.freeze();
}

Result<> resume_container(const std::string& root, const std::string& id) {
  ContainerFacts facts;
  TRY_ASSIGN(Status status, status_of(root, id, facts));
  if (status != Status::kPaused) return fail(Kind::kState, "container not paused");
  TRY_ASSIGN(Cgroup cgroup, open_cgroup(facts));
  return cgroup.thaw();
}

}  // namespace shoji
