#include "runtime/making.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/pidfd.h"
#include "base/socket.h"
#include "base/step_text.h"
#include "namespaces/id_map.h"
#include "netsetup/device/move.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/inspect.h"
#include "runtime/preserved_fds.h"
#include "runtime/start_hooks.h"
#include "runtime/terminal_relay.h"
#include "runtime/users.h"
#include "spec/validate.h"

namespace shoji {

namespace {

// Where the container's control group is in each hierarchy, for its cgroup mount.
std::vector<CgroupMount> visible_cgroups(const CgroupHost& host, const Cgroup& cgroup) {
  std::vector<CgroupMount> out;
  for (const Hierarchy& hierarchy : host.hierarchies) {
    std::string directory = hierarchy.unified ? cgroup.unified_path() : std::string();
    for (unsigned i = 0; i < static_cast<unsigned>(Controller::kCount) && directory.empty(); ++i) {
      auto controller = static_cast<Controller>(i);
      if (hierarchy.controllers.has(controller)) directory = cgroup.controller_path(controller);
    }
    // A named hierarchy without controllers limits nothing, and the container has no directory in it.
    if (!directory.empty()) out.push_back({hierarchy.name, hierarchy.mount, std::move(directory)});
  }
  return out;
}

}  // namespace

Making::Making(const CreateOptions& options, Program program)
    : options_(options), program_(program), store_(options.root) {}

Result<> Making::make() {
  TRY(decide());
  TRY(reserve());
  TRY(make_cgroup());
  TRY(plan());
  TRY(launch_child());
  // The child makes the container meanwhile.
  TRY(remember_process());
  if (limits_beside_child()) TRY(cgroup_->apply(bundle_.spec.linux.resources));
  TRY(store_.save_config(locked_,
                         options_.config.empty() ? cat(bundle_.path, "/config.json") : options_.config));
  const pid_t launched = child_.pid();
  LaunchAnswers answers = plan_answers(plan_, bundle_.spec, host_, proc_.get());
  answers.net_devices = [this](pid_t pid) { return take_net_devices(pid); };
  answers.create_hooks = [this](pid_t pid) { return run_create_hooks(pid); };
  answers.console = [this](UniqueFd master) { return take_console(std::move(master)); };
  TRY(child_.until_ready(answers));
  if (child_.pid() != launched) TRY(remember_process());
  TRY(store_.publish(locked_));
  return write_pid_file();
}

// No side effect up to here.
Result<> Making::decide() {
  TRY(check_preserved_fds(preserved_fds(options_.preserve_fds)));
  TRY(StateStore::check_id(options_.id));
  TRY_ASSIGN(bundle_, Bundle::load(options_.bundle, options_.config));
  if (!bundle_.spec.process)
    return fail(Kind::kInvalid, "config.json: /process is missing: there is nothing to run");
  const bool detach = program_ == Program::kGated || options_.detach;
  TRY(check_console(bundle_.spec.process->terminal, detach, options_.console_socket));
  if (!options_.console_socket.empty()) {
    TRY_ASSIGN(console_socket_, connect_unix(options_.console_socket));
  }
  return {};
}

Result<> Making::reserve() {
  const Spec& spec = bundle_.spec;
  TRY_ASSIGN(cgroup_host_, CgroupHost::detect());
  TRY_ASSIGN(cgroup_, Cgroup::plan(*cgroup_host_, spec.linux.cgroups_path, options_.id));
  // Before it is written down as ours: what is in our cgroup will be killed.
  TRY(cgroup_->check_unused());
  facts_.id = options_.id;
  facts_.bundle = bundle_.path;
  facts_.rootfs = bundle_.root_path;
  facts_.created = rfc3339_now(TimeDigits::kNanoseconds);
  facts_.owner = geteuid();
  facts_.cgroup_paths = cgroup_->paths();
  facts_.annotations = spec.annotations;
  facts_.own_pid_namespace = std::ranges::any_of(
      spec.linux.namespaces, [](const Namespace& each) { return each.type == "pid" && each.path.empty(); });
  facts_.has_start_container = !spec.hooks.start_container.empty();
  facts_.has_poststart = !spec.hooks.poststart.empty();
  facts_.has_poststop = !spec.hooks.poststop.empty();

  TRY_ASSIGN(locked_, store_.reserve(options_.id));
  rollback_.add([this] {
    ignore(store_.remove(locked_, options_.id), "the error that led here is the one to report");
  });
  rollback_.add([this] {
    if (hooks_began_)
      run_hooks_to_the_end(bundle_.spec.hooks.poststop, "poststop", hook_state(facts_, Status::kStopped, 0),
                           on_host(facts_.bundle));
  });
  return store_.save_intent(locked_, facts_);
}

Result<> Making::make_cgroup() {
  rollback_.add([this] {
    // A cgroup that turned out to be somebody else's keeps its processes.
    if (cgroup_made_) ignore(cgroup_->kill(SIGKILL), "the removal tells whether it mattered");
    ignore(cgroup_->remove(), "the error that led here is the one to report");
  });
  TRY(cgroup_->create());
  cgroup_made_ = true;
  if (!limits_beside_child()) TRY(cgroup_->apply(bundle_.spec.linux.resources));
  TRY(delegate_cgroup());
  TRY_ASSIGN(cgroup_tasks_, cgroup_->open_v1_tasks());
  return {};
}

// Nothing of the program runs before the limits hold: that takes go(). So they may be written while the child works, but
// not where a v1 device list is first emptied and then filled: the child makes its device nodes at that time.
bool Making::limits_beside_child() const {
  return cgroup_host_->mode == CgroupHost::Mode::kUnified;
}

// config-linux.md "Cgroup ownership": with a new cgroup namespace and a writable cgroup mount, the container's own user
// manages what is below.
Result<> Making::delegate_cgroup() {
  const Spec& spec = bundle_.spec;
  const bool own_namespace = std::ranges::any_of(spec.linux.namespaces, [](const Namespace& each) {
    return each.type == "cgroup" && each.path.empty();
  });
  const bool writable = std::ranges::any_of(spec.mounts, [](const Mount& mount) {
    return mount.type == "cgroup" && std::ranges::find(mount.options, "ro") == mount.options.end();
  });
  if (!own_namespace || !writable || spec.linux.uid_mappings.empty()) return {};
  auto uid = to_host_id(spec.linux.uid_mappings, spec.process->user.uid);
  auto gid = to_host_id(spec.linux.gid_mappings, spec.process->user.gid);
  if (!uid || !gid) return {};
  return cgroup_->delegate(*uid, *gid);
}

Result<> Making::plan() {
  host_ = read_host_facts();
  add_listen_variables(bundle_.spec.process->env);
  PlanOptions options;
  options.no_pivot = options_.no_pivot;
  options.no_new_keyring = options_.no_new_keyring;
  options.preserve_fds = preserved_fds(options_.preserve_fds);
  options.gate = program_ == Program::kGated;
  options.exit_file = options_.exit_file;
  options.id = options_.id;
  options.seccomp_cache = store_.seccomp_cache();
  options.cgroups = visible_cgroups(*cgroup_host_, *cgroup_);
  TRY_ASSIGN(plan_, plan_container(bundle_, host_, options, cgroup_tasks_));
  for (const std::string& warning : spec_warnings(bundle_.spec)) log(LogLevel::kWarning, warning);
  for (const std::string& warning : plan_.warnings) log(LogLevel::kWarning, warning);
  if (options.gate) TRY(add_gate());
  return {};
}

Result<> Making::add_gate() {
  const int dir = locked_.dir.get();
  if (mkfifoat(dir, kGateFile, 0600) != 0) return fail_errno(errno, cat("make FIFO ", quote(kGateFile)));
  // For reading and writing: the child must not see an end of file when a verb that only looks goes away.
  TRY_ASSIGN(gate_, open_at(dir, kGateFile, O_RDWR));
  TRY_ASSIGN(report_, open_at(dir, kReportFile, O_WRONLY | O_CREAT | O_EXCL, 0600));
  plan_.steps.set_slot(plan_.gate_slot, gate_.get());
  plan_.steps.set_slot(plan_.report_slot, report_.get());
  // `start` knows nothing of the plan: it gets the sentences of what may still go wrong.
  const auto& steps = plan_.steps.steps();
  const auto reports = std::ranges::find(steps, StepKind::kReport, &Step::kind);
  for (auto step = reports; step != steps.end(); ++step) {
    auto index = static_cast<uint32_t>(step - steps.begin());
    if (step != reports) facts_.late_steps.emplace_back(index, step_text(plan_.steps, index));
  }
  return {};
}

Result<> Making::launch_child() {
  TRY_ASSIGN(proc_, open_file("/proc", O_PATH | O_DIRECTORY));
  LaunchRequest request;
  request.plan = &plan_.steps;
  request.clone_flags = plan_.clone_flags;
  TRY_ASSIGN(request.cgroup_fd, cgroup_->unified_fd());
  request.proc_fd = proc_.get();
  for (int fd : plan_.steps.slots())
    if (fd >= 0) request.inherited.push_back(fd);
  TRY_ASSIGN(child_, launch(request));
  return {};
}

Result<> Making::remember_process() {
  facts_.pid = child_.pid();
  TRY_ASSIGN(ProcessFacts process, process_facts(child_.pid()));
  facts_.start_time = process.start_time;
  return store_.stage(locked_, facts_);
}

// They come back when the container is not made; later they go with the namespace (config-linux.md, "Namespace Lifecycle
// and Container Termination": "The runtime MUST NOT attempt to move the interface out of the namespace before deletion").
Result<> Making::take_net_devices(pid_t pid) {
  TRY_ASSIGN(netns_, open_at(proc_.get(), cat(pid, "/ns/net"), O_RDONLY));
  std::vector<net::DeviceMove> moves;
  for (const NetDevice& device : bundle_.spec.linux.net_devices)
    moves.push_back({.name = device.name, .new_name = device.new_name});
  TRY_ASSIGN(std::vector<net::MovedDevice> moved, net::move_devices(moves, netns_.get()));
  rollback_.add([this, moved = std::move(moved)] {
    if (Result<> back = net::return_devices(moved, netns_.get()); !back)
      log(LogLevel::kWarning, back.error().text);
  });
  return {};
}

Result<> Making::run_create_hooks(pid_t pid) {
  hooks_began_ = true;
  const Hooks& hooks = bundle_.spec.hooks;
  std::string state = hook_state(facts_, Status::kCreating, pid);
  HookPlace place = on_host(facts_.bundle);
  TRY(run_hooks(hooks.prestart, "prestart", state, place));
  TRY(run_hooks(hooks.create_runtime, "createRuntime", state, place));
  if (hooks.create_container.empty()) return {};
  place = HookPlace{facts_.rootfs, bundle_.spec.process->env};
  TRY_ASSIGN(UniqueFd root, open_file(facts_.rootfs, O_PATH | O_DIRECTORY));
  add_home(place.environment, root.get(), bundle_.spec.process->user.uid);
  TRY_ASSIGN(place.join, namespaces_of(pid, child_.pidfd()));
  TRY_ASSIGN(pid_t inside, pid_inside(pid));
  return run_hooks(hooks.create_container, "createContainer", hook_state(facts_, Status::kCreating, inside),
                   place);
}

Result<> Making::take_console(UniqueFd master) {
  if (console_socket_) return send_console(console_socket_.get(), std::move(master));
  prepare_terminal(master.get());
  master_ = std::move(master);
  return {};
}

Result<> Making::write_pid_file() {
  if (options_.pid_file.empty()) return {};
  rollback_.add([this] { unlink(options_.pid_file.c_str()); });
  return write_file_atomically(options_.pid_file, std::to_string(child_.pid()), 0644);
}

Result<> Making::run_start_hooks() {
  if (!facts_.has_start_container) return {};
  return run_start_container_hooks(bundle_.spec, facts_, child_.pidfd(), store_.seccomp_cache());
}

Result<> Making::release() {
  TRY(child_.go());
  return program_ == Program::kDirect ? child_.until_running() : Result<>();
}

void Making::keep() {
  child_.detach();
  rollback_.commit();
  netns_.reset();  // it must not outlive the container
}

}  // namespace shoji
