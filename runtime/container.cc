#include "runtime/container.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "base/pidfd.h"
#include "runtime/inspect.h"
#include "spec/fields.h"

namespace shoji {

std::string_view status_name(Status status) {
  static constexpr std::string_view kNames[] = {"creating", "created", "running", "paused", "stopped"};
  return kNames[static_cast<size_t>(status)];
}

Result<std::optional<UniqueFd>> first_process(const ContainerFacts& facts) {
  if (facts.pid == 0) return std::nullopt;
  return pidfd_of(facts.pid, facts.start_time);
}

Result<Cgroup> open_cgroup(const ContainerFacts& facts) {
  TRY_ASSIGN(CgroupHost host, CgroupHost::detect());
  return Cgroup::from_paths(host, facts.cgroup_paths);
}

Result<Spec> load_saved_spec(const StateStore& store, const std::string& id) {
  TRY_ASSIGN(std::string text, store.load_config(id));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), "config.json"));
  return load_spec(document);
}

namespace {

// Somebody reads the FIFO: the program has not been executed. Opening for writing only never waits so (fifo(7)).
bool gate_is_closed(const StateStore& store, const ContainerFacts& facts) {
  std::string gate = cat(store.path(facts.id), "/", kGateFile);
  UniqueFd fd(open(gate.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  return static_cast<bool>(fd);
}

bool is_frozen(const ContainerFacts& facts) {
  auto cgroup = open_cgroup(facts);
  if (!cgroup) return false;
  return cgroup->frozen().value_or(false);
}

Status living_status(const StateStore& store, const ContainerFacts& facts) {
  if (is_frozen(facts)) return Status::kPaused;
  return gate_is_closed(store, facts) ? Status::kCreated : Status::kRunning;
}

}  // namespace

Result<ContainerView> inspect(const StateStore& store, ContainerFacts facts) {
  ContainerView view;
  TRY_ASSIGN(std::optional<UniqueFd> process, first_process(facts));
  if (process) {
    view.status = living_status(store, facts);
    view.pid = facts.pid;
  } else if (facts.pid == 0 && store.busy(facts.id)) {
    view.status = Status::kCreating;
  }
  view.facts = std::move(facts);
  return view;
}

StateDocument state_document(const ContainerFacts& facts, Status status, pid_t pid) {
  StateDocument document;
  document.id = facts.id;
  document.pid = pid;
  document.status = status_name(status);
  document.bundle = facts.bundle;
  document.rootfs = facts.rootfs;
  document.created = facts.created;
  document.annotations = &facts.annotations;
  return document;
}

std::string hook_state(const ContainerFacts& facts, Status status, pid_t pid) {
  return print_hook_state(state_document(facts, status, pid));
}

Result<ContainerView> view_container(const std::string& root, const std::string& id) {
  StateStore store(root);
  TRY_ASSIGN(ContainerFacts facts, store.load(id));
  return inspect(store, std::move(facts));
}

Result<std::vector<ContainerView>> list_containers(const std::string& root) {
  StateStore store(root);
  TRY_ASSIGN(std::vector<std::string> ids, store.ids());
  std::vector<ContainerView> views;
  for (const std::string& id : ids) {
    auto facts = store.load(id);
    if (!facts && facts.error().kind == Kind::kNotFound) continue;  // deleted meanwhile
    if (!facts) return std::unexpected(std::move(facts).error());
    TRY_ASSIGN(ContainerView view, inspect(store, std::move(*facts)));
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::vector<pid_t>> container_pids(const std::string& root, const std::string& id) {
  TRY_ASSIGN(ContainerFacts facts, StateStore(root).load(id));
  TRY_ASSIGN(Cgroup cgroup, open_cgroup(facts));
  return cgroup.pids();
}

}  // namespace shoji
