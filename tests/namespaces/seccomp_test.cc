#include "namespaces/seccomp/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/io.h"
#include "namespaces/seccomp/cache.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

// The kernel's answer to one system call: classic BPF as seccomp(2) runs it. ~0: the program is broken.
uint32_t verdict(const SeccompFilter& filter, const seccomp_data& call) {
  const auto* code = reinterpret_cast<const sock_filter*>(filter.program.data());
  const size_t count = filter.program.size() / sizeof(sock_filter);
  uint32_t a = 0;
  uint32_t memory[BPF_MEMWORDS] = {};
  for (size_t pc = 0; pc < count; ++pc) {
    const sock_filter& i = code[pc];
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        memcpy(&a, reinterpret_cast<const char*>(&call) + i.k, sizeof a);
        break;
      case BPF_LD | BPF_MEM:
        a = memory[i.k];
        break;
      case BPF_ST:
        memory[i.k] = a;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= i.k;
        break;
      case BPF_JMP | BPF_JA:
        pc += i.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        pc += a == i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        pc += a > i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        pc += a >= i.k ? i.jt : i.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        pc += (a & i.k) != 0 ? i.jt : i.jf;
        break;
      case BPF_RET | BPF_K:
        return i.k;
      default:
        return ~0u;
    }
  }
  return ~0u;
}

uint32_t verdict(const SeccompFilter& filter, uint32_t arch, int nr, uint64_t arg0 = 0, uint64_t arg1 = 0) {
  return verdict(filter, {nr, arch, 0, {arg0, arg1, 0, 0, 0, 0}});
}

#ifdef __x86_64__
constexpr uint32_t kNative = AUDIT_ARCH_X86_64;
constexpr const char* kNativeName = "SCMP_ARCH_X86_64";
#else
constexpr uint32_t kNative = AUDIT_ARCH_AARCH64;
constexpr const char* kNativeName = "SCMP_ARCH_AARCH64";
#endif

constexpr uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;

SeccompSyscall rule(std::vector<std::string> names, std::string action,
                    std::optional<uint32_t> errno_ret = {}, std::vector<SeccompArg> args = {}) {
  return {std::move(names), std::move(action), errno_ret, std::move(args)};
}

Seccomp deny_by_default() {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.architectures = {kNativeName};
  profile.syscalls = {rule({"read", "write", "exit_group", "openat2", "no_such_call"}, "SCMP_ACT_ALLOW")};
  return profile;
}

SeccompFilter compile(const Seccomp& profile) {
  auto filter = compile_seccomp(profile);
  INFO((filter ? "" : filter.error().text));
  REQUIRE(filter);
  return *filter;
}

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/shoji-seccomp-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { ignore(remove_tree(path), "a temporary directory"); }
  std::string path;
};

// Changes one byte of the only file in `dir`.
void damage(const std::string& dir, off_t at) {
  for (unsigned i = 0; i < SeccompCache::kFiles; ++i) {
    int fd = open(cat(dir, "/filter-", i).c_str(), O_RDWR);
    if (fd < 0) continue;
    char byte = 0;
    REQUIRE(pread(fd, &byte, 1, at) == 1);
    byte = static_cast<char>(byte ^ 1);
    REQUIRE(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
  }
}

}  // namespace

TEST_CASE("allowed, forbidden and newer system calls") {
  SeccompFilter filter = compile(deny_by_default());
  CHECK(verdict(filter, kNative, SYS_read) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, kNative, SYS_openat2) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, kNative, SYS_getcwd) == kEperm);
  CHECK(verdict(filter, kNative, SYS_openat2 + 1) == kEnosys);
  CHECK(verdict(filter, AUDIT_ARCH_ARM, 1) == SECCOMP_RET_KILL_THREAD);
  CHECK(filter.flags == SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

TEST_CASE("no ENOSYS where the default action makes none needed; the native architecture if none is listed") {
  Seccomp profile = deny_by_default();
  profile.default_errno_ret = ENOSYS;
  CHECK(verdict(compile(profile), kNative, SYS_getcwd) == kEnosys);
  profile = deny_by_default();
  profile.architectures.clear();
  CHECK(verdict(compile(profile), kNative, 5000) == kEnosys);
  profile.architectures = {kNativeName};
  profile.default_action = "SCMP_ACT_LOG";
  CHECK(verdict(compile(profile), kNative, 5000) == SECCOMP_RET_LOG);
}

#ifdef __x86_64__
TEST_CASE("every architecture of the profile has its own limit") {
  Seccomp profile = deny_by_default();
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  SeccompFilter filter = compile(profile);
  constexpr int kX32 = 0x40000000;
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, SYS_read) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, 5000) == kEnosys);
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, SYS_getcwd) == kEperm);
  CHECK(verdict(filter, AUDIT_ARCH_I386, 3) == SECCOMP_RET_ALLOW);  // read
  CHECK(verdict(filter, AUDIT_ARCH_I386, 183) == kEperm);           // getcwd
  CHECK(verdict(filter, AUDIT_ARCH_I386, 5000) == kEnosys);
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, kX32 | SYS_read) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, kX32 | SYS_getcwd) == kEperm);
  CHECK(verdict(filter, AUDIT_ARCH_X86_64, kX32 | 5000) == kEnosys);
  CHECK(verdict(filter, AUDIT_ARCH_AARCH64, 5000) == SECCOMP_RET_KILL_THREAD);
  // Without x32 in the profile its calls are those of a bad architecture.
  CHECK(verdict(compile(deny_by_default()), AUDIT_ARCH_X86_64, kX32 | SYS_read) == SECCOMP_RET_KILL_THREAD);
}
#endif

TEST_CASE("actions and their values") {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls = {rule({"getcwd"}, "SCMP_ACT_ERRNO", 77), rule({"chdir"}, "SCMP_ACT_ERRNO"),
                      rule({"mkdirat"}, "SCMP_ACT_TRACE", 5), rule({"chroot"}, "SCMP_ACT_KILL_PROCESS"),
                      rule({"sync"}, "SCMP_ACT_KILL"),        rule({"syncfs"}, "SCMP_ACT_TRAP"),
                      rule({"reboot"}, "SCMP_ACT_LOG"),       rule({"read"}, "SCMP_ACT_ALLOW")};
  SeccompFilter filter = compile(profile);
  CHECK(verdict(filter, kNative, SYS_getcwd) == (SECCOMP_RET_ERRNO | 77));
  CHECK(verdict(filter, kNative, SYS_chdir) == kEperm);
  CHECK(verdict(filter, kNative, SYS_mkdirat) == (SECCOMP_RET_TRACE | 5));
  CHECK(verdict(filter, kNative, SYS_chroot) == SECCOMP_RET_KILL_PROCESS);
  CHECK(verdict(filter, kNative, SYS_sync) == SECCOMP_RET_KILL_THREAD);
  CHECK(verdict(filter, kNative, SYS_syncfs) == SECCOMP_RET_TRAP);
  CHECK(verdict(filter, kNative, SYS_reboot) == SECCOMP_RET_LOG);
  CHECK(verdict(filter, kNative, SYS_read) == SECCOMP_RET_ALLOW);
}

TEST_CASE("argument conditions") {
  auto holds = [](std::vector<SeccompArg> args, uint64_t arg0, uint64_t arg1 = 0) {
    Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls = {rule({"personality"}, "SCMP_ACT_ERRNO", 9, std::move(args))};
    return verdict(compile(profile), kNative, SYS_personality, arg0, arg1) == (SECCOMP_RET_ERRNO | 9);
  };
  constexpr uint64_t kWide = 0x100000005;  // the upper half counts too
  CHECK(holds({{0, kWide, 0, "SCMP_CMP_EQ"}}, kWide));
  CHECK_FALSE(holds({{0, kWide, 0, "SCMP_CMP_EQ"}}, 5));
  CHECK(holds({{0, 5, 0, "SCMP_CMP_NE"}}, kWide));
  CHECK(holds({{0, 5, 0, "SCMP_CMP_LT"}}, 4));
  CHECK_FALSE(holds({{0, 5, 0, "SCMP_CMP_LT"}}, 5));
  CHECK(holds({{0, 5, 0, "SCMP_CMP_LE"}}, 5));
  CHECK(holds({{0, 5, 0, "SCMP_CMP_GE"}}, 5));
  CHECK(holds({{0, 5, 0, "SCMP_CMP_GT"}}, kWide));
  CHECK_FALSE(holds({{0, 5, 0, "SCMP_CMP_GT"}}, 5));
  // value is the mask, valueTwo what must be left
  CHECK(holds({{0, 0xf0, 0x20, "SCMP_CMP_MASKED_EQ"}}, 0x2f));
  CHECK_FALSE(holds({{0, 0xf0, 0x20, "SCMP_CMP_MASKED_EQ"}}, 0x3f));
  // conditions on different arguments must all hold, those on the same are alternatives
  std::vector<SeccompArg> both = {{0, 1, 0, "SCMP_CMP_EQ"}, {1, 2, 0, "SCMP_CMP_EQ"}};
  CHECK(holds(both, 1, 2));
  CHECK_FALSE(holds(both, 1, 3));
  std::vector<SeccompArg> either = {{0, 1, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_EQ"}};
  CHECK(holds(either, 1));
  CHECK(holds(either, 2));
  CHECK_FALSE(holds(either, 3));
}

TEST_CASE("a long list is sorted and means the same") {
  Seccomp profile = deny_by_default();
  std::vector<std::string> many = {"open",   "close",    "stat",   "fstat",  "lstat",  "poll",  "lseek",
                                   "mmap",   "ioctl",    "pipe",   "select", "dup",    "dup2",  "pause",
                                   "getpid", "socket",   "fork",   "vfork",  "execve", "exit",  "wait4",
                                   "kill",   "uname",    "semget", "fcntl",  "flock",  "fsync", "chmod",
                                   "rename", "getdents", "fchdir", "umask"};
  profile.syscalls.push_back(rule(many, "SCMP_ACT_ALLOW"));
  SeccompFilter filter = compile(profile);
  CHECK(verdict(filter, kNative, SYS_execve) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, kNative, SYS_umask) == SECCOMP_RET_ALLOW);
  CHECK(verdict(filter, kNative, SYS_mount) == kEperm);
  CHECK(verdict(filter, kNative, 5000) == kEnosys);
}

TEST_CASE("flags") {
  Seccomp profile = deny_by_default();
  profile.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC",
                   "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  CHECK(seccomp_flags_of(profile) == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC));
  profile.flags = {"SECCOMP_FILTER_FLAG_MAGIC"};
  CHECK(compile_seccomp(profile).error().text == "seccomp flag \"SECCOMP_FILTER_FLAG_MAGIC\" is not known");
}

TEST_CASE("what cannot be compiled is a sentence") {
  Seccomp profile = deny_by_default();
  profile.syscalls[0].action = "SCMP_ACT_NOTIFY";
  CHECK(compile_seccomp(profile).error().kind == Kind::kUnsupported);
  profile = deny_by_default();
  profile.architectures = {"SCMP_ARCH_PDP11"};
  CHECK(compile_seccomp(profile).error().text == "seccomp architecture \"SCMP_ARCH_PDP11\" is not known");
  profile = deny_by_default();
  profile.default_action = "SCMP_ACT_SHRUG";
  CHECK(compile_seccomp(profile).error().text == "seccomp action \"SCMP_ACT_SHRUG\" is not known");
}

TEST_CASE("the kernel takes the program and obeys it") {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.architectures = {kNativeName};
  profile.syscalls = {rule({"getcwd"}, "SCMP_ACT_ERRNO", 77)};
  SeccompFilter filter = compile(profile);
  pid_t pid = fork();
  if (pid == 0) {
    sock_fprog program{static_cast<unsigned short>(filter.program.size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(filter.program.data())};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program) != 0) _exit(1);
    char buffer[8];
    _exit(syscall(SYS_getcwd, buffer, sizeof buffer) == -1 && errno == 77 ? 0 : 2);
  }
  int status = -1;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("the cache returns what was compiled, for this profile only") {
  Directory dir;
  auto cache = SeccompCache::open(dir.path + "/cache");
  REQUIRE(cache);
  SeccompFilter filter = compile(deny_by_default());
  CHECK_FALSE(cache->find("profile A"));
  REQUIRE(cache->store("profile A", filter));
  auto found = cache->find("profile A");
  REQUIRE(found);
  CHECK(found->program == filter.program);
  CHECK(found->flags == filter.flags);
  CHECK_FALSE(cache->find("profile B"));
  // More profiles than files: names repeat, contents never mix.
  for (int i = 0; i < 600; ++i)
    REQUIRE(
        cache->store(cat("profile ", i), {std::string(8, static_cast<char>(i)), static_cast<uint32_t>(i)}));
  int kept = 0;
  for (int i = 0; i < 600; ++i) {
    auto entry = cache->find(cat("profile ", i));
    if (!entry) continue;
    ++kept;
    REQUIRE(entry->flags == static_cast<uint32_t>(i));
  }
  CHECK(kept > 100);
  CHECK(kept <= 256);
}

TEST_CASE("damaged cache files are compiled again") {
  Directory dir;
  Seccomp profile = deny_by_default();
  profile.source = "{\"some\": \"profile\"}";
  SeccompFilter filter = compile(profile);
  REQUIRE(seccomp_filter(profile, dir.path));
  for (off_t at : {0, 8, 12, 16, 24, 40, 60, 100, 150}) {
    damage(dir.path, at);
    auto cache = SeccompCache::open(dir.path);
    REQUIRE(cache);
    INFO(at);
    CHECK_FALSE(cache->find(profile.source));
    auto again = seccomp_filter(profile, dir.path);
    REQUIRE(again);
    CHECK(again->program == filter.program);
    CHECK(cache->find(profile.source));
  }
}

TEST_CASE("a cache that others could write is not used") {
  Directory dir;
  Seccomp profile = deny_by_default();
  profile.source = "text";
  REQUIRE(chmod(dir.path.c_str(), 0770) == 0);
  CHECK_FALSE(SeccompCache::open(dir.path));
  REQUIRE(seccomp_filter(profile, dir.path));  // compiled all the same
  REQUIRE(chmod(dir.path.c_str(), 0700) == 0);
  REQUIRE(symlink(dir.path.c_str(), (dir.path + "/link").c_str()) == 0);
  CHECK_FALSE(SeccompCache::open(dir.path + "/link"));
  CHECK(SeccompCache::open(dir.path));
}
