#include "namespaces/seccomp/filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/io.h"
#include "namespaces/seccomp/cache.h"
#include "namespaces/seccomp/enosys_stub.h"
#include "spec/names.h"

namespace shoji {
namespace {

// libseccomp up to 2.5.4 makes a wrong binary tree for an empty list; runc sorts from here on.
constexpr size_t kSortedFrom = 32;
constexpr uint32_t kWaitKillableRecv = 1u << 5;  // Linux 5.19; older headers do not have it

struct Closer {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Closer>;

struct Action {
  std::string_view name;
  uint32_t number;
  bool takes_errno = false;
};

constexpr Action kActions[] = {
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
};

struct Operator {
  std::string_view name;
  scmp_compare op;
};

constexpr Operator kOperators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

Result<uint32_t> find_action(std::string_view name, const std::optional<uint32_t>& errno_ret) {
  if (name == "SCMP_ACT_NOTIFY")
    return fail(Kind::kUnsupported,
                "seccomp action SCMP_ACT_NOTIFY is not supported: no listener can be handed out");
  const auto* row = std::ranges::find(kActions, name, &Action::name);
  if (row == std::end(kActions))
    return fail(Kind::kInvalid, cat("seccomp action ", quote(name), " is not known"));
  if (!row->takes_errno) return row->number;
  return row->number | (errno_ret.value_or(EPERM) & SECCOMP_RET_DATA);
}

Result<scmp_arg_cmp> find_condition(const SeccompArg& arg) {
  const auto* row = std::ranges::find(kOperators, arg.op, &Operator::name);
  if (row == std::end(kOperators))
    return fail(Kind::kInvalid, cat("seccomp operator ", quote(arg.op), " is not known"));
  if (arg.index > 5)
    return fail(Kind::kInvalid, cat("seccomp argument index ", arg.index, " is greater than 5"));
  return scmp_arg_cmp{arg.index, row->op, arg.value, arg.value_two};
}

Result<> add_rule(void* context, uint32_t action, const std::string& name,
                  std::span<const scmp_arg_cmp> conditions) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return {};
  const int result = seccomp_rule_add_array(context, action, number, static_cast<unsigned>(conditions.size()),
                                            conditions.data());
  if (result != 0) return fail_errno(-result, cat("add a seccomp rule for ", quote(name)));
  return {};
}

bool repeats_an_argument(std::span<const scmp_arg_cmp> conditions) {
  std::array<int, 6> seen{};
  return std::ranges::any_of(conditions, [&seen](const scmp_arg_cmp& c) { return ++seen.at(c.arg) > 1; });
}

Result<> add_syscalls(void* context, const SeccompSyscall& rule, uint32_t default_action) {
  TRY_ASSIGN(uint32_t action, find_action(rule.action, rule.errno_ret));
  if (action == default_action) return {};  // says nothing new; libseccomp would refuse it
  std::vector<scmp_arg_cmp> conditions;
  for (const SeccompArg& arg : rule.args) {
    TRY_ASSIGN(scmp_arg_cmp condition, find_condition(arg));
    conditions.push_back(condition);
  }
  const bool alternatives = repeats_an_argument(conditions);
  for (const std::string& name : rule.names) {
    if (!alternatives) {
      TRY(add_rule(context, action, name, conditions));
      continue;
    }
    // A rule can hold one condition per argument. As in runc, several for one argument are alternatives.
    for (const scmp_arg_cmp& condition : conditions) TRY(add_rule(context, action, name, {&condition, 1}));
  }
  return {};
}

// seccomp_export_bpf_mem(3) came with 2.6; the file works with every version and cannot block as a pipe would.
Result<std::string> export_program(void* context) {
  UniqueFd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "create a memory file for the seccomp program");
  if (int result = seccomp_export_bpf(context, file.get()); result != 0)
    return fail_errno(-result, "compile the seccomp profile");
  if (lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "read the seccomp program");
  return read_fd(file.get(), "seccomp program");
}

Result<> add_architectures(void* context, const Seccomp& profile) {
  for (const std::string& name : profile.architectures) {
    TRY_ASSIGN(uint32_t token, seccomp_architecture(name));
    const int result = seccomp_arch_add(context, token);
    if (result != 0 && result != -EEXIST)
      return fail_errno(-result, cat("add seccomp architecture ", quote(name)));
  }
  return {};
}

}  // namespace

Result<uint32_t> seccomp_flags_of(const Seccomp& profile) {
  if (profile.flags.empty()) return static_cast<uint32_t>(SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  uint32_t flags = 0;
  for (const std::string& name : profile.flags) {
    auto flag = find_number(seccomp_flags(), name);
    if (!flag) return fail(Kind::kInvalid, cat("seccomp flag ", quote(name), " is not known"));
    flags |= static_cast<uint32_t>(*flag);
  }
  // It says how a listener is served. Without one (SCMP_ACT_NOTIFY) it means nothing, and seccomp(2) refuses it.
  return flags & ~kWaitKillableRecv;
}

Result<SeccompFilter> compile_seccomp(const Seccomp& profile) {
  SeccompFilter filter;
  TRY_ASSIGN(filter.flags, seccomp_flags_of(profile));
  TRY_ASSIGN(uint32_t default_action, find_action(profile.default_action, profile.default_errno_ret));
  Context context(seccomp_init(default_action));
  if (!context) return fail(Kind::kSystem, "prepare the seccomp profile: libseccomp refused");
  TRY(add_architectures(context.get(), profile));
  size_t names = 0;
  for (const SeccompSyscall& rule : profile.syscalls) names += rule.names.size();
  if (names > kSortedFrom)
    seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // older versions: unsorted
  for (const SeccompSyscall& rule : profile.syscalls) TRY(add_syscalls(context.get(), rule, default_action));
  TRY_ASSIGN(filter.program, enosys_stub(profile));
  TRY_ASSIGN(std::string compiled, export_program(context.get()));
  filter.program += compiled;
  if (const size_t count = filter.program.size() / sizeof(sock_filter); count > BPF_MAXINSNS)
    return fail(Kind::kUnsupported,
                cat("the seccomp profile needs ", count, " instructions, the kernel takes ", BPF_MAXINSNS));
  return filter;
}

Result<SeccompFilter> seccomp_filter(const Seccomp& profile, const std::string& cache_dir) {
  if (cache_dir.empty() || profile.source.empty()) return compile_seccomp(profile);
  auto cache = SeccompCache::open(cache_dir);
  if (!cache) return compile_seccomp(profile);
  if (auto found = cache->find(profile.source)) return std::move(*found);
  TRY_ASSIGN(SeccompFilter filter, compile_seccomp(profile));
  ignore(cache->store(profile.source, filter), "the cache only saves time");
  return filter;
}

}  // namespace shoji
