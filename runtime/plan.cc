#include "runtime/plan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/lsm.h"
#include "namespaces/mounts/devices.h"
#include "namespaces/mounts/masked.h"
#include "namespaces/mounts/mount_plan.h"
#include "namespaces/mounts/rootfs.h"
#include "namespaces/namespace_set.h"
#include "namespaces/seccomp/filter.h"
#include "namespaces/sysctl.h"
#include "namespaces/time_offsets.h"
#include "namespaces/user_namespace.h"
#include "runtime/process_plan.h"
#include "runtime/users.h"

namespace shoji {
namespace {

// What of the namespaces the clone makes at once, and what the child has to do itself because it has to be in its
// cgroup (cgroup), mapped (user) or forked (pid below another user namespace, time) first. A network namespace is the
// dearest object of all (0.3 ms): the child makes it while the parent goes on.
struct Entrance {
  bool by_clone = true;  // new pid, ipc, uts and mount namespaces come with the clone
  bool fork = false;     // only children enter a pid or time namespace: setns(2), time_namespaces(7)
};

constexpr uint64_t kByClone = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;

Entrance choose_entrance(const NamespaceSet& namespaces) {
  Entrance entrance;
  // A namespace belongs to the user namespace in which it was made, so that the user namespace comes first.
  // The first process of a pid namespace may not fork a sibling (clone(2) CLONE_PARENT), which a time namespace needs.
  entrance.by_clone =
      !namespaces.has(CLONE_NEWUSER) && !namespaces.joins(CLONE_NEWPID) && !namespaces.creates(CLONE_NEWTIME);
  entrance.fork = namespaces.joins(CLONE_NEWPID) || namespaces.creates(CLONE_NEWTIME) ||
                  (namespaces.creates(CLONE_NEWPID) && !entrance.by_clone);
  return entrance;
}

void add_sync(StepList& steps, SyncPoint point) {
  steps.add(StepKind::kSync).u0 = static_cast<uint64_t>(point);
}

// v1 hierarchies: "0" is the writer itself, and a single thread moves without the kernel's global lock.
void plan_cgroup_entry(const std::vector<UniqueFd>& tasks, StepList& steps) {
  for (const UniqueFd& fd : tasks) {
    int32_t slot = steps.slot(fd.get());
    Step& step = steps.add(StepKind::kWriteSlot);
    step.a = slot;
    steps.s0(step, "0");
  }
}

void plan_root_in_user_namespace(StepList& steps) {
  Step& ids = steps.add(StepKind::kSetIds);
  ids.flags = kIdsNoGroups;
}

void plan_namespaces(const NamespaceSet& namespaces, const Entrance& entrance, InitPlan& plan) {
  StepList& steps = plan.steps;
  for (const auto& joined : namespaces.joined()) {
    int32_t slot = steps.slot(joined.fd.get());
    Step& step = steps.add(StepKind::kSetns);
    step.a = slot;
    step.flags = static_cast<uint32_t>(joined.clone_flag);
    if (joined.clone_flag == CLONE_NEWUSER) plan_root_in_user_namespace(steps);
  }
  uint64_t created = namespaces.created();
  if (namespaces.creates(CLONE_NEWUSER)) {
    steps.add(StepKind::kUnshare).flags = CLONE_NEWUSER;
    created &= ~static_cast<uint64_t>(CLONE_NEWUSER);
    plan.maps_users = true;
  }
  if (entrance.by_clone) {
    plan.clone_flags = created & kByClone;
    created &= ~kByClone;
  }
  // The time namespace's offsets are written before anybody is in it, the maps before anything else is made.
  if (plan.maps_users) {
    add_sync(steps, SyncPoint::kMapIds);
    plan_root_in_user_namespace(steps);
  }
  if (created != 0) steps.add(StepKind::kUnshare).flags = static_cast<uint32_t>(created);
  if (namespaces.creates(CLONE_NEWTIME)) add_sync(steps, SyncPoint::kTimeOffsets);
  // Not earlier: the files that the parent answers with belong to a process that can be dumped (proc_pid(5)).
  steps.add(StepKind::kUndumpable);
  if (entrance.fork) steps.add(StepKind::kFork);
}

void plan_names(const Spec& spec, const NamespaceSet& namespaces, const PlanOptions& options,
                StepList& steps) {
  steps.add(StepKind::kSetsid);
  if (!options.no_new_keyring) {
    Step& keyring = steps.add(StepKind::kSessionKeyring);
    steps.s0(keyring, cat("_ses.", options.id));
    // Kernels without keyrings and hosts whose quota of them is used up (ENOSYS, EDQUOT): a container works without.
    keyring.on_error = OnError::kIgnore;
  }
  if (!spec.hostname.empty()) steps.s0(steps.add(StepKind::kSethostname), spec.hostname);
  if (!spec.domainname.empty()) steps.s0(steps.add(StepKind::kSetdomainname), spec.domainname);
  if (namespaces.creates(CLONE_NEWNET)) steps.add(StepKind::kLoopbackUp);
  // Before sysctls and hooks, which may be about them.
  if (!spec.linux.net_devices.empty()) add_sync(steps, SyncPoint::kNetDevices);
}

void plan_console(const Process& process, bool bind, StepList& steps) {
  Step& step = steps.add(StepKind::kConsole);
  if (process.console_size) {
    auto cells = [](uint64_t n) { return n & 0xffff; };
    step.u0 = cells(process.console_size->height) << 16 | cells(process.console_size->width);
  }
  step.u1 = process.user.uid;
  if (bind) step.flags = kConsoleBind;
}

bool has_create_hooks(const Hooks& hooks) {
  return !hooks.prestart.empty() || !hooks.create_runtime.empty() || !hooks.create_container.empty();
}

Result<MountFacts> mount_facts(const Bundle& bundle, const HostFacts& host, const PlanOptions& options,
                               const NamespaceSet& namespaces) {
  MountFacts facts;
  facts.bundle = bundle.path;
  facts.rootfs = bundle.root_path;
  facts.new_mount_namespace = namespaces.creates(CLONE_NEWNS);
  facts.new_pid_namespace = namespaces.has(CLONE_NEWPID);
  facts.new_network_namespace = namespaces.creates(CLONE_NEWNET);
  facts.new_ipc_namespace = namespaces.has(CLONE_NEWIPC);
  facts.new_cgroup_namespace = namespaces.creates(CLONE_NEWCGROUP);
  facts.user_namespace = namespaces.has(CLONE_NEWUSER);
  facts.runtime_in_user_namespace = host.in_user_namespace;
  facts.kcore = host.kcore;
  facts.can_mknod = !host.in_user_namespace && (host.effective_caps >> CAP_MKNOD & 1) != 0;
  if (!bundle.spec.linux.mount_label.empty()) {
    LsmFacts lsm = read_lsm_facts();
    TRY(check_mount_label(bundle.spec, lsm));
    facts.selinux = lsm.selinux;
  }
  facts.cgroups = options.cgroups;
  if (namespaces.creates(CLONE_NEWUSER)) {
    facts.maps = IdMaps{bundle.spec.linux.uid_mappings, bundle.spec.linux.gid_mappings};
  } else if (namespaces.joins(CLONE_NEWUSER)) {
    TRY_ASSIGN(facts.maps, read_user_namespace(namespaces.joined_fd(CLONE_NEWUSER)));
  }
  return facts;
}

// The part of the plan that builds the container's view of files, up to and including the change of root.
Result<> plan_files(const Bundle& bundle, const MountFacts& facts, const NamespaceSet& namespaces,
                    const PlanOptions& options, InitPlan& plan) {
  const Spec& spec = bundle.spec;
  StepList& steps = plan.steps;
  MountPlan mounts;
  TRY(plan_root(spec, facts, steps, mounts));
  TRY(plan_mounts(spec, facts, steps, mounts));
  TRY(plan_devices(spec, facts, steps, plan.warnings));
  TRY(plan_sysctl(spec, namespaces, steps));
  Step& cwd = steps.add(StepKind::kMkdir);
  steps.s0(cwd, spec.process->cwd);
  if (has_create_hooks(spec.hooks)) add_sync(steps, SyncPoint::kCreateHooks);
  if (spec.process->terminal) plan_console(*spec.process, true, steps);
  TRY(plan_hidden_paths(spec, facts, steps));
  plan_late_read_only(mounts, steps);
  TRY(plan_read_only_root(spec, facts, steps));
  plan_enter_root(spec, facts, options.no_pivot, steps);
  TRY_ASSIGN(auto parent_mounts, make_parent_mounts(mounts.parent, steps));
  for (UniqueFd& fd : parent_mounts) plan.held.push_back(std::move(fd));
  return {};
}

void plan_gate(InitPlan& plan) {
  plan.steps.add(StepKind::kReport).a = plan.report_slot;
  plan.steps.add(StepKind::kGate).a = plan.gate_slot;
}

Result<UniqueFd> open_directory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, cat("open root directory ", quote(path)));
  return fd;
}

}  // namespace

Result<InitPlan> plan_container(const Bundle& bundle, const HostFacts& host, const PlanOptions& options,
                                const std::vector<UniqueFd>& cgroup_tasks) {
  const Spec& spec = bundle.spec;
  InitPlan plan;
  TRY_ASSIGN(NamespaceSet namespaces, NamespaceSet::open(spec));
  TRY_ASSIGN(MountFacts facts, mount_facts(bundle, host, options, namespaces));
  TRY_ASSIGN(UniqueFd root, open_directory(bundle.root_path));
  Process process = *spec.process;
  add_home(process.env, root.get(), process.user.uid);
  std::optional<SeccompFilter> filter;
  if (spec.linux.seccomp) {
    TRY_ASSIGN(filter, seccomp_filter(*spec.linux.seccomp, options.seccomp_cache));
  }
  ProcessPlan identity{process,        spec.linux,   host, filter, namespaces.has(CLONE_NEWUSER),
                       facts.maps.uid, plan.warnings};
  plan.maps = facts.maps;

  plan_cgroup_entry(cgroup_tasks, plan.steps);
  plan_every_cpu(plan.steps);
  TRY(plan_privileged(identity, plan.steps));
  plan_namespaces(namespaces, choose_entrance(namespaces), plan);
  plan_names(spec, namespaces, options, plan.steps);
  TRY(plan_files(bundle, facts, namespaces, options, plan));
  KeptDescriptors kept{.preserve = options.preserve_fds};
  if (options.gate) {
    kept.report_slot = plan.report_slot = plan.steps.slot();
    kept.gate_slot = plan.gate_slot = plan.steps.slot();
  }
  if (options.exit_file >= 0) kept.exit_slot = plan.steps.slot(options.exit_file);
  TRY(plan_identity(identity, kept, plan.steps));
  add_sync(plan.steps, SyncPoint::kReady);
  if (options.gate) plan_gate(plan);
  TRY(plan_program(identity, kept, plan.steps));

  for (UniqueFd& fd : namespaces.release()) plan.held.push_back(std::move(fd));
  return plan;
}

Result<InitPlan> plan_exec(const Spec& spec, const JoinTarget& target, const HostFacts& host,
                           const PlanOptions& options, const std::vector<UniqueFd>& cgroup_tasks) {
  InitPlan plan;
  StepList& steps = plan.steps;
  std::optional<SeccompFilter> filter;
  if (spec.linux.seccomp) {
    TRY_ASSIGN(filter, seccomp_filter(*spec.linux.seccomp, options.seccomp_cache));
  }
  bool in_user_namespace = (target.namespaces & CLONE_NEWUSER) != 0;
  ProcessPlan identity{*spec.process,           spec.linux,   host, filter, in_user_namespace,
                       spec.linux.uid_mappings, plan.warnings};

  const bool placed = spec.process->exec_cpu_affinity && !spec.process->exec_cpu_affinity->initial.empty();
  if (placed) TRY(plan_affinity(spec.process->exec_cpu_affinity->initial, steps));
  plan_cgroup_entry(cgroup_tasks, steps);
  if (!placed) plan_every_cpu(steps);
  TRY(plan_privileged(identity, steps));
  steps.add(StepKind::kUndumpable);
  // All at once (setns(2), pidfd): the mount namespace also moves root and working directory inside.
  if (target.namespaces != 0) {
    int32_t slot = steps.slot(target.pidfd);
    Step& join = steps.add(StepKind::kSetns);
    join.a = slot;
    join.flags = static_cast<uint32_t>(target.namespaces);
  }
  if ((target.namespaces & CLONE_NEWUSER) != 0) plan_root_in_user_namespace(steps);
  if ((target.namespaces & (CLONE_NEWPID | CLONE_NEWTIME)) != 0) steps.add(StepKind::kFork);
  steps.add(StepKind::kSetsid);
  int32_t root = steps.slot();
  Step& open_root = steps.add(StepKind::kOpenTree);
  open_root.a = root;
  steps.s0(open_root, "/");
  steps.add(StepKind::kOpenRoot).a = root;
  if (spec.process->terminal) plan_console(*spec.process, false, steps);
  KeptDescriptors kept{.preserve = options.preserve_fds};
  TRY(plan_identity(identity, kept, steps));
  add_sync(steps, SyncPoint::kReady);
  TRY(plan_program(identity, kept, steps));
  return plan;
}

Result<uint64_t> foreign_namespaces(int proc, pid_t pid) {
  uint64_t flags = 0;
  for (const NamespaceKind& kind : namespace_kinds()) {
    struct stat own{};
    struct stat other{};
    std::string file = cat("ns/", kind.file);
    // A kernel without the kind has neither file.
    if (fstatat(proc, cat("self/", file).c_str(), &own, 0) != 0) continue;
    if (fstatat(proc, cat(pid, "/", file).c_str(), &other, 0) != 0)
      return fail_errno(errno, cat("inspect the ", kind.name, " namespace of process ", pid));
    if (own.st_ino != other.st_ino || own.st_dev != other.st_dev) flags |= kind.clone_flag;
  }
  return flags;
}

LaunchAnswers plan_answers(const InitPlan& plan, const Spec& spec, const HostFacts& host, int proc) {
  LaunchAnswers answers;
  bool deny_setgroups = (host.effective_caps >> CAP_SETGID & 1) == 0;
  answers.map_ids = [&plan, proc, deny_setgroups](pid_t pid) {
    return write_id_maps(proc, pid, plan.maps, deny_setgroups);
  };
  answers.time_offsets = [&spec, proc](pid_t pid) { return write_time_offsets(proc, pid, spec.linux); };
  return answers;
}

}  // namespace shoji
