#include "runtime/process_plan.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "namespaces/capabilities.h"
#include "namespaces/id_map.h"
#include "namespaces/lsm.h"
#include "runtime/cpu_list.h"
#include "spec/names.h"

namespace shoji {
namespace {

// A filter without no_new_privs needs CAP_SYS_ADMIN in the process's user namespace (seccomp(2)); the final sets are
// then taken only after the filter.
bool filter_before_rights(const ProcessPlan& plan) {
  return plan.filter.has_value() && !plan.process.no_new_privileges;
}

Result<> check_limit(const ProcessPlan& plan, const Rlimit& limit, int resource) {
  uint64_t most = plan.host.limits[resource].rlim_max;
  if (limit.hard <= most || plan.host.can_raise_limits) return {};
  return fail(Kind::kInvalid, cat("set limit ", limit.type, " to ", limit.hard, ": the host's maximum is ",
                                  most, ", and raising it takes CAP_SYS_RESOURCE"));
}

// Raised hard limits come first, with the runtime's rights; everything else is a lowering, which anybody may do.
Result<> plan_raised_limits(const ProcessPlan& plan, StepList& steps) {
  for (const Rlimit& limit : plan.process.rlimits) {
    auto number = find_number(rlimits(), limit.type);
    if (!number) return fail(Kind::kInvalid, cat("limit ", quote(limit.type), ": unknown"));
    auto resource = static_cast<int>(*number);
    TRY(check_limit(plan, limit, resource));
    if (limit.hard <= plan.host.limits[resource].rlim_max) continue;
    Step& step = steps.add(StepKind::kRlimit);
    step.flags = static_cast<uint32_t>(resource) | kRlimitRaiseHard;
    step.u1 = limit.hard;
  }
  return {};
}

void plan_limits(const ProcessPlan& plan, StepList& steps) {
  for (const Rlimit& limit : plan.process.rlimits) {
    Step& step = steps.add(StepKind::kRlimit);
    step.flags = static_cast<uint32_t>(find_number(rlimits(), limit.type).value_or(0));
    step.u0 = limit.soft;
    step.u1 = limit.hard;
  }
}

// struct sched_attr of sched_setattr(2), whose kernel header cannot be included beside <sched.h>.
struct SchedulerAttributes {
  uint32_t size = sizeof(SchedulerAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

Result<> plan_scheduler(const Scheduler& scheduler, StepList& steps) {
  auto policy = find_number(scheduler_policies(), scheduler.policy);
  if (!policy) return fail(Kind::kInvalid, cat("scheduler policy ", quote(scheduler.policy), ": unknown"));
  SchedulerAttributes attr;
  attr.policy = static_cast<uint32_t>(*policy);
  attr.nice = scheduler.nice.value_or(0);
  attr.priority = static_cast<uint32_t>(scheduler.priority.value_or(0));
  attr.runtime = scheduler.runtime.value_or(0);
  attr.deadline = scheduler.deadline.value_or(0);
  attr.period = scheduler.period.value_or(0);
  for (const std::string& name : scheduler.flags) {
    auto flag = find_number(scheduler_flags(), name);
    if (!flag) return fail(Kind::kInvalid, cat("scheduler flag ", quote(name), ": unknown"));
    attr.flags |= static_cast<uint64_t>(*flag);
  }
  steps.s0(steps.add(StepKind::kScheduler),
           std::string_view(reinterpret_cast<const char*>(&attr), sizeof attr));
  return {};
}

constexpr int kIoClassShift = 13;  // ioprio_set(2)

Result<> plan_io_priority(const IoPriority& priority, StepList& steps) {
  auto io_class = find_number(io_priority_classes(), priority.priority_class);
  if (!io_class)
    return fail(Kind::kInvalid, cat("I/O priority class ", quote(priority.priority_class), ": unknown"));
  steps.add(StepKind::kIoPriority).u0 =
      static_cast<uint64_t>(*io_class) << kIoClassShift | static_cast<uint64_t>(priority.priority);
  return {};
}

// set_mempolicy(2); the mode and its flags share one word.
Result<> plan_memory_policy(const MemoryPolicy& policy, StepList& steps) {
  auto mode = find_number(memory_policy_modes(), policy.mode);
  if (!mode) return fail(Kind::kInvalid, cat("memory policy ", quote(policy.mode), ": unknown"));
  auto word = static_cast<uint64_t>(*mode);
  for (const std::string& name : policy.flags) {
    auto flag = find_number(memory_policy_flags(), name);
    if (!flag) return fail(Kind::kInvalid, cat("memory policy flag ", quote(name), ": unknown"));
    word |= static_cast<uint64_t>(*flag);
  }
  std::string mask;
  if (!policy.nodes.empty()) {
    TRY_ASSIGN(mask, cpu_list_mask(policy.nodes, "memoryPolicy.nodes"));
  }
  Step& step = steps.add(StepKind::kMempolicy);
  step.u0 = word;
  if (!mask.empty()) steps.s0(step, mask);
  return {};
}

Result<> plan_personality(const Personality& personality, StepList& steps) {
  auto domain = find_number(personality_domains(), personality.domain);
  if (!domain)
    return fail(Kind::kInvalid, cat("personality domain ", quote(personality.domain), ": unknown"));
  if (!personality.flags.empty())
    return fail(Kind::kUnsupported, "personality flags: not supported (the specification defines none)");
  steps.add(StepKind::kPersonality).u0 = static_cast<uint64_t>(*domain);
  return {};
}

Result<CapabilityMasks> masks_of(const ProcessPlan& plan) {
  CapabilityFacts facts;
  facts.last_cap = plan.host.last_cap;
  facts.available = plan.in_user_namespace ? ~0ULL : plan.host.effective_caps;
  return plan_capabilities(plan.process.capabilities, facts);
}

// A pipe or file from the caller belongs to the caller; a program that opens /dev/stdout again needs it to be its own.
// The ids are the host's: this comes before any user namespace.
void plan_stdio_owner(const ProcessPlan& plan, StepList& steps) {
  uint32_t uid = plan.process.user.uid;
  if (plan.in_user_namespace) uid = to_host_id(plan.users, uid).value_or(uid);
  if (plan.process.terminal) return;
  for (int fd = 0; fd < 3; ++fd) {
    int32_t slot = steps.slot(fd);
    Step& step = steps.add(StepKind::kChownPath);
    step.a = slot;
    step.u2 = static_cast<uint64_t>(uid) << 32;
    // A closed descriptor, a read-only filesystem, a file of somebody else: the program can still use it.
    step.on_error = OnError::kIgnore;
  }
}

void plan_ids(const User& user, StepList& steps) {
  Step& step = steps.add(StepKind::kSetIds);
  step.u0 = user.uid;
  step.u1 = user.gid;
  steps.v0_numbers(step, user.additional_gids);
}

void plan_final_rights(const CapabilityMasks& masks, StepList& steps) {
  Step& caps = steps.add(StepKind::kSetCaps);
  caps.u0 = masks.effective;
  caps.u1 = masks.permitted;
  caps.u2 = masks.inheritable;
  Step& ambient = steps.add(StepKind::kAmbient);
  ambient.u0 = masks.ambient;
  ambient.u1 = masks.ambient_ignored;
}

}  // namespace

void plan_every_cpu(StepList& steps) {
  // The kernel takes the part that its CPUs and the cpuset have (sched_setaffinity(2)).
  constexpr size_t kCpus = 8192;
  Step& step = steps.add(StepKind::kAffinity);
  steps.s0(step, std::string(kCpus / 8, '\xff'));
  // A sandbox may not allow the call: the container works with the CPUs it has.
  step.on_error = OnError::kIgnore;
}

Result<> plan_affinity(const std::string& cpus, StepList& steps) {
  TRY_ASSIGN(std::string mask, cpu_list_mask(cpus, "execCPUAffinity"));
  steps.s0(steps.add(StepKind::kAffinity), mask);
  return {};
}

std::vector<std::string> final_environment(const std::vector<std::string>& env) {
  std::set<std::string_view> seen;
  std::vector<std::string> out;
  for (size_t i = env.size(); i-- > 0;) {
    std::string_view name = std::string_view(env[i]).substr(0, env[i].find('='));
    if (seen.insert(name).second) out.push_back(env[i]);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> program_candidates(const Process& process) {
  const std::string& name = process.args[0];
  if (name.find('/') != std::string::npos) return {name};
  std::string_view path;
  for (const std::string& variable : process.env) {
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  }
  std::vector<std::string> out;
  while (!path.empty()) {
    std::string_view dir = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), dir.size() + 1));
    // An empty element would mean the working directory: programs are not looked for there, as in runc.
    if (!dir.empty()) out.push_back(cat(dir, "/", name));
  }
  return out;
}

Result<> plan_privileged(const ProcessPlan& plan, StepList& steps) {
  TRY(plan_raised_limits(plan, steps));
  plan_stdio_owner(plan, steps);
  if (plan.process.oom_score_adj) {
    Step& step = steps.add(StepKind::kWriteProc);
    steps.s0(step, "self/oom_score_adj");
    steps.s1(step, std::to_string(*plan.process.oom_score_adj));
  }
  if (plan.process.scheduler) TRY(plan_scheduler(*plan.process.scheduler, steps));
  if (plan.process.io_priority) TRY(plan_io_priority(*plan.process.io_priority, steps));
  return {};
}

Result<> plan_identity(const ProcessPlan& plan, const KeptDescriptors& kept, StepList& steps) {
  const Process& process = plan.process;
  TRY_ASSIGN(CapabilityMasks masks, masks_of(plan));
  for (std::string& warning : masks.warnings) plan.warnings.push_back(std::move(warning));
  if (plan.linux.memory_policy) TRY(plan_memory_policy(*plan.linux.memory_policy, steps));
  if (plan.linux.personality) TRY(plan_personality(*plan.linux.personality, steps));

  // They take effect at the exec; they are the last to need the host's /proc.
  if (!process.apparmor_profile.empty() || !process.selinux_label.empty())
    TRY(plan_labels(process, read_lsm_facts(), steps));
  Step& close = steps.add(StepKind::kCloseHost);
  close.u0 = 3 + static_cast<uint64_t>(kept.preserve);
  close.a = kept.report_slot;
  close.b = kept.exit_slot != kNoSlot ? kept.exit_slot : kept.gate_slot;

  // Root may enter where the user may not, and the other way round (a FUSE mount): either will do, as in runc.
  Step& as_root = steps.add(StepKind::kChdir);
  steps.s0(as_root, process.cwd);
  as_root.on_error = OnError::kIgnore;  // the next one is checked

  Step& bounding = steps.add(StepKind::kDropBounding);
  bounding.u0 = masks.bounding;
  bounding.u1 = static_cast<uint64_t>(plan.host.last_cap);
  steps.add(StepKind::kKeepCaps).u0 = 1;
  plan_ids(process.user, steps);
  Step& umask = steps.add(StepKind::kUmask);
  umask.u0 = process.user.umask.value_or(0022);
  if (filter_before_rights(plan)) {
    // What loading the filter takes, and what the final sets are cut from.
    Step& caps = steps.add(StepKind::kSetCaps);
    caps.u1 = masks.permitted | 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SETPCAP;
    caps.u0 = caps.u1;
    caps.u2 = masks.inheritable;
  } else {
    plan_final_rights(masks, steps);
  }
  steps.add(StepKind::kKeepCaps).u0 = 0;
  Step& as_user = steps.add(StepKind::kChdir);
  steps.s0(as_user, process.cwd);
  as_user.flags = kChdirOnce;
  if (process.no_new_privileges) steps.add(StepKind::kNoNewPrivs);
  plan_limits(plan, steps);

  Step& find = steps.add(StepKind::kFindProgram);
  steps.s0(find, process.args[0]);
  steps.v0(find, program_candidates(process));
  return {};
}

Result<> plan_program(const ProcessPlan& plan, const KeptDescriptors& kept, StepList& steps) {
  const Process& process = plan.process;
  if (process.exec_cpu_affinity && !process.exec_cpu_affinity->final.empty())
    TRY(plan_affinity(process.exec_cpu_affinity->final, steps));
  steps.add(StepKind::kCloexecFrom).u0 = 3 + static_cast<uint64_t>(kept.preserve);
  if (plan.filter) {
    Step& step = steps.add(StepKind::kSeccomp);
    step.flags = plan.filter->flags;
    steps.s0(step, plan.filter->program);
  }
  if (filter_before_rights(plan)) {
    TRY_ASSIGN(CapabilityMasks masks, masks_of(plan));
    plan_final_rights(masks, steps);
  }
  if (kept.exit_slot != kNoSlot) steps.add(StepKind::kSupervise).a = kept.exit_slot;
  Step& exec = steps.add(StepKind::kExec);
  steps.s0(exec, process.args[0]);
  steps.v0(exec, process.args);
  steps.v1(exec, final_environment(process.env));
  return {};
}

}  // namespace shoji
