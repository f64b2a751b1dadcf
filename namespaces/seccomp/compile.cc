#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/io.h"
#include "namespaces/seccomp/filter.h"
#include "spec/names.h"

namespace shoji {
namespace {

struct ActionRow {
  std::string_view name;
  uint32_t action;
  bool takes_errno;
};

constexpr ActionRow kActions[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
};

struct OperatorRow {
  std::string_view name;
  scmp_compare value;
};

constexpr OperatorRow kOperators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

struct ArchRow {
  std::string_view name;
  uint32_t token;
};

constexpr ArchRow kArchitectures[] = {
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
};

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

Failure refused(int result, std::string_view what) { return fail_errno(-result, cat("compile the seccomp profile: ", what)); }

Result<scmp_arg_cmp> condition_of(const SeccompArg& arg) {
  for (const OperatorRow& row : kOperators) {
    if (row.name != arg.op) continue;
    // For a masked comparison the specification's value is the mask and valueTwo the datum, as libseccomp orders them.
    return scmp_arg_cmp{arg.index, row.value, arg.value, arg.value_two};
  }
  return fail(Kind::kInvalid, cat("seccomp operator ", quote(arg.op), ": unknown"));
}

bool repeats_an_index(const std::vector<scmp_arg_cmp>& conditions) {
  uint32_t seen = 0;
  for (const auto& condition : conditions) {
    if ((seen >> condition.arg & 1) != 0) return true;
    seen |= 1U << condition.arg;
  }
  return false;
}

// libseccomp takes one condition per argument; several on one argument are alternatives, as in runc.
int add_rule(const Context& context, uint32_t action, int call, const std::vector<scmp_arg_cmp>& conditions) {
  if (!repeats_an_index(conditions))
    return seccomp_rule_add_array(context.get(), action, call, static_cast<unsigned>(conditions.size()),
                                  conditions.data());
  for (const auto& condition : conditions) {
    int result = seccomp_rule_add_array(context.get(), action, call, 1, &condition);
    if (result < 0) return result;
  }
  return 0;
}

Result<> add_rules(const Context& context, const SeccompSyscall& rule, uint32_t default_action) {
  TRY_ASSIGN(uint32_t action, seccomp_action(rule.action, rule.errno_ret.value_or(EPERM)));
  if (action == default_action) return {};  // libseccomp refuses what would change nothing
  std::vector<scmp_arg_cmp> conditions;
  for (const SeccompArg& arg : rule.args) {
    TRY_ASSIGN(scmp_arg_cmp condition, condition_of(arg));
    conditions.push_back(condition);
  }
  for (const std::string& name : rule.names) {
    int call = seccomp_syscall_resolve_name(name.c_str());
    if (call == __NR_SCMP_ERROR) continue;
    int result = add_rule(context, action, call, conditions);
    if (result < 0 && result != -EEXIST) return refused(result, cat("system call ", quote(name)));
  }
  return {};
}

Result<> add_architectures(const Context& context, const Seccomp& seccomp) {
  for (const std::string& name : seccomp.architectures) {
    TRY_ASSIGN(uint32_t token, seccomp_arch(name));
    int result = seccomp_arch_add(context.get(), token);
    if (result < 0 && result != -EEXIST) return refused(result, cat("architecture ", quote(name)));
  }
  return {};
}

// libseccomp 2.5 exports to a descriptor only.
Result<std::string> export_program(const Context& context) {
  UniqueFd file(memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "compile the seccomp profile: make a buffer");
  int result = seccomp_export_bpf(context.get(), file.get());
  if (result < 0) return refused(result, "export");
  if (lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "compile the seccomp profile: read it back");
  return read_fd(file.get(), "the seccomp program");
}

Result<uint32_t> filter_flags(const Seccomp& seccomp) {
  // As in runc, a profile without flags does not also slow the program down against speculative store bypass.
  if (seccomp.flags.empty()) return static_cast<uint32_t>(SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  uint32_t flags = 0;
  for (const std::string& name : seccomp.flags) {
    auto flag = find_number(seccomp_flags(), name);
    if (!flag) return fail(Kind::kInvalid, cat("seccomp flag ", quote(name), ": unknown"));
    flags |= static_cast<uint32_t>(*flag);
  }
  return flags;
}

}  // namespace

Result<uint32_t> seccomp_action(const std::string& name, uint32_t errno_value) {
  for (const ActionRow& row : kActions) {
    if (row.name == name) return row.takes_errno ? row.action | (errno_value & 0xffff) : row.action;
  }
  if (name == "SCMP_ACT_NOTIFY")
    return fail(Kind::kUnsupported, "seccomp action \"SCMP_ACT_NOTIFY\": not supported");
  return fail(Kind::kInvalid, cat("seccomp action ", quote(name), ": unknown"));
}

Result<uint32_t> seccomp_arch(const std::string& name) {
  for (const ArchRow& row : kArchitectures) {
    if (row.name == name) return row.token;
  }
  return fail(Kind::kUnsupported, cat("seccomp architecture ", quote(name), ": not known to this libseccomp"));
}

Result<SeccompFilter> compile_seccomp(const Seccomp& seccomp) {
  TRY_ASSIGN(uint32_t default_action, seccomp_action(seccomp.default_action, seccomp.default_errno_ret.value_or(EPERM)));
  Context context(seccomp_init(default_action));
  if (!context) return fail(Kind::kSystem, "compile the seccomp profile: libseccomp does not start");
  TRY(add_architectures(context, seccomp));
  // A tree of comparisons instead of a chain: each system call of the program passes through it.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const SeccompSyscall& rule : seccomp.syscalls) TRY(add_rules(context, rule, default_action));
  SeccompFilter filter;
  TRY_ASSIGN(filter.flags, filter_flags(seccomp));
  TRY_ASSIGN(std::string program, export_program(context));
  filter.program = enosys_stub(seccomp) + program;
  return filter;
}

}  // namespace shoji
