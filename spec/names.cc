#include "spec/names.h"

#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/resource.h>

namespace shoji {
namespace {

constexpr NamedNumber kNamespaces[] = {
    {"user", CLONE_NEWUSER},   {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},  {"uts", CLONE_NEWUTS},
    {"network", CLONE_NEWNET}, {"pid", CLONE_NEWPID},       {"mount", CLONE_NEWNS}, {"time", CLONE_NEWTIME},
};

constexpr NamedNumber kCapabilities[] = {
    {"CAP_CHOWN", CAP_CHOWN},
    {"CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE},
    {"CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH},
    {"CAP_FOWNER", CAP_FOWNER},
    {"CAP_FSETID", CAP_FSETID},
    {"CAP_KILL", CAP_KILL},
    {"CAP_SETGID", CAP_SETGID},
    {"CAP_SETUID", CAP_SETUID},
    {"CAP_SETPCAP", CAP_SETPCAP},
    {"CAP_LINUX_IMMUTABLE", CAP_LINUX_IMMUTABLE},
    {"CAP_NET_BIND_SERVICE", CAP_NET_BIND_SERVICE},
    {"CAP_NET_BROADCAST", CAP_NET_BROADCAST},
    {"CAP_NET_ADMIN", CAP_NET_ADMIN},
    {"CAP_NET_RAW", CAP_NET_RAW},
    {"CAP_IPC_LOCK", CAP_IPC_LOCK},
    {"CAP_IPC_OWNER", CAP_IPC_OWNER},
    {"CAP_SYS_MODULE", CAP_SYS_MODULE},
    {"CAP_SYS_RAWIO", CAP_SYS_RAWIO},
    {"CAP_SYS_CHROOT", CAP_SYS_CHROOT},
    {"CAP_SYS_PTRACE", CAP_SYS_PTRACE},
    {"CAP_SYS_PACCT", CAP_SYS_PACCT},
    {"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
    {"CAP_SYS_BOOT", CAP_SYS_BOOT},
    {"CAP_SYS_NICE", CAP_SYS_NICE},
    {"CAP_SYS_RESOURCE", CAP_SYS_RESOURCE},
    {"CAP_SYS_TIME", CAP_SYS_TIME},
    {"CAP_SYS_TTY_CONFIG", CAP_SYS_TTY_CONFIG},
    {"CAP_MKNOD", CAP_MKNOD},
    {"CAP_LEASE", CAP_LEASE},
    {"CAP_AUDIT_WRITE", CAP_AUDIT_WRITE},
    {"CAP_AUDIT_CONTROL", CAP_AUDIT_CONTROL},
    {"CAP_SETFCAP", CAP_SETFCAP},
    {"CAP_MAC_OVERRIDE", CAP_MAC_OVERRIDE},
    {"CAP_MAC_ADMIN", CAP_MAC_ADMIN},
    {"CAP_SYSLOG", CAP_SYSLOG},
    {"CAP_WAKE_ALARM", CAP_WAKE_ALARM},
    {"CAP_BLOCK_SUSPEND", CAP_BLOCK_SUSPEND},
    {"CAP_AUDIT_READ", CAP_AUDIT_READ},
    {"CAP_PERFMON", CAP_PERFMON},
    {"CAP_BPF", CAP_BPF},
    {"CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE},
};

constexpr NamedNumber kRlimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

constexpr NamedNumber kIoClasses[] = {
    // ioprio_set(2); <linux/ioprio.h> of newer kernels is no C++.
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
};

constexpr NamedNumber kPolicies[] = {
    {"SCHED_OTHER", SCHED_NORMAL},
    {"SCHED_FIFO", SCHED_FIFO},
    {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH},
    {"SCHED_ISO", 4},  // reserved by the kernel, never merged
    {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE},
};

constexpr NamedNumber kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};

constexpr NamedNumber kMemoryModes[] = {
    {"MPOL_DEFAULT", MPOL_DEFAULT},  {"MPOL_PREFERRED", MPOL_PREFERRED},
    {"MPOL_BIND", MPOL_BIND},        {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
    {"MPOL_LOCAL", MPOL_LOCAL},      {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},  // Linux 6.9; older headers do not have it
};

constexpr NamedNumber kMemoryFlags[] = {
    {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
    {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
    {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
};

constexpr NamedNumber kPersonalities[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};

constexpr NamedNumber kSeccompFlags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1 << 5},  // Linux 5.19; older headers do not have it
};

constexpr NamedNumber kSeccompActions[] = {
    {"SCMP_ACT_ALLOW"},       {"SCMP_ACT_ERRNO"}, {"SCMP_ACT_KILL"},  {"SCMP_ACT_KILL_PROCESS"},
    {"SCMP_ACT_KILL_THREAD"}, {"SCMP_ACT_LOG"},   {"SCMP_ACT_TRACE"}, {"SCMP_ACT_TRAP"},
};

constexpr NamedNumber kSeccompOperators[] = {
    {"SCMP_CMP_EQ"}, {"SCMP_CMP_GE"},        {"SCMP_CMP_GT"}, {"SCMP_CMP_LE"},
    {"SCMP_CMP_LT"}, {"SCMP_CMP_MASKED_EQ"}, {"SCMP_CMP_NE"},
};

constexpr NamedNumber kSeccompArchitectures[] = {
    {"SCMP_ARCH_AARCH64"},  {"SCMP_ARCH_ARM"},         {"SCMP_ARCH_LOONGARCH64"}, {"SCMP_ARCH_M68K"},
    {"SCMP_ARCH_MIPS"},     {"SCMP_ARCH_MIPS64"},      {"SCMP_ARCH_MIPS64N32"},   {"SCMP_ARCH_MIPSEL"},
    {"SCMP_ARCH_MIPSEL64"}, {"SCMP_ARCH_MIPSEL64N32"}, {"SCMP_ARCH_PARISC"},      {"SCMP_ARCH_PARISC64"},
    {"SCMP_ARCH_PPC"},      {"SCMP_ARCH_PPC64"},       {"SCMP_ARCH_PPC64LE"},     {"SCMP_ARCH_RISCV64"},
    {"SCMP_ARCH_S390"},     {"SCMP_ARCH_S390X"},       {"SCMP_ARCH_SH"},          {"SCMP_ARCH_SHEB"},
    {"SCMP_ARCH_X32"},      {"SCMP_ARCH_X86"},         {"SCMP_ARCH_X86_64"},
};

}  // namespace

NameTable namespace_types() {
  return kNamespaces;
}
NameTable capabilities() {
  return kCapabilities;
}
NameTable rlimits() {
  return kRlimits;
}
NameTable io_priority_classes() {
  return kIoClasses;
}
NameTable scheduler_policies() {
  return kPolicies;
}
NameTable scheduler_flags() {
  return kSchedulerFlags;
}
NameTable memory_policy_modes() {
  return kMemoryModes;
}
NameTable memory_policy_flags() {
  return kMemoryFlags;
}
NameTable personality_domains() {
  return kPersonalities;
}
NameTable seccomp_flags() {
  return kSeccompFlags;
}
NameTable seccomp_actions() {
  return kSeccompActions;
}
NameTable seccomp_operators() {
  return kSeccompOperators;
}
NameTable seccomp_architectures() {
  return kSeccompArchitectures;
}

std::optional<int64_t> find_number(NameTable table, std::string_view name) {
  for (const NamedNumber& row : table) {
    if (row.name == name) return row.number;
  }
  return std::nullopt;
}

std::string_view find_name(NameTable table, int64_t number) {
  for (const NamedNumber& row : table) {
    if (row.number == number) return row.name;
  }
  return {};
}

std::string list_names(NameTable table) {
  std::string out;
  for (size_t i = 0; i < table.size(); ++i) {
    if (i != 0) out += i + 1 == table.size() ? " or " : ", ";
    out += table[i].name;
  }
  return out;
}

}  // namespace shoji
