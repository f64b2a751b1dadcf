// linux.seccomp: what each action does to a system call.
#include <signal.h>

#include <algorithm>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

std::string profile(const std::string& default_action, const std::string& rules,
                    const std::string& more = "") {
  return R"({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "defaultAction": ")" +
         default_action + R"(", "syscalls": [)" + rules + "]" + more + "}";
}

std::string rule(const std::string& names, const std::string& action, const std::string& more = "") {
  return R"({"names": [)" + names + R"(], "action": ")" + action + "\"" + more + "}";
}

}  // namespace

TEST_CASE("ERRNO answers with EPERM, or with errnoRet", "[seccomp]") {
  Sandbox box;
  box.bundle.set(
      "/linux/seccomp",
      profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_ERRNO") + "," +
                                    rule("\"personality\"", "SCMP_ACT_ERRNO", ", \"errnoRet\": 38") + "," +
                                    rule("\"mkdir\"", "SCMP_ACT_ERRNO", ", \"errnoRet\": 28")));
  box.bundle.probe("call getpriority 0 0 , call personality 0xffffffff , call mkdir /d 0755 , call getpid");
  CHECK(box.outcome() == "getpriority=EPERM\npersonality=ENOSYS\nmkdir=ENOSPC\ngetpid=1\n");
}

TEST_CASE("the mode of seccomp is shown in status", "[seccomp]") {
  Sandbox box;
  box.bundle.probe("status Seccomp Seccomp_filters");
  CHECK(box.outcome() == "Seccomp: 0\nSeccomp_filters: 0\n");
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"mkdir\"", "SCMP_ACT_ERRNO")));
  CHECK(box.outcome() == "Seccomp: 2\nSeccomp_filters: 1\n");
}

TEST_CASE("KILL and KILL_PROCESS end the program with SIGSYS", "[seccomp]") {
  for (const char* action : {"SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"}) {
    Sandbox box;
    box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", action)));
    box.bundle.probe("echo before , call getpriority 0 0 , echo after");
    Finished f = box.run();
    INFO(action);
    CHECK(f.code == 128 + SIGSYS);
    CHECK(f.out == "before\n");
  }
}

TEST_CASE("TRAP raises SIGSYS, which the program may catch", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_TRAP")));
  box.bundle.probe("trap SYS , call getpriority 0 0 , echo after");
  CHECK(box.outcome() == containing("got SYS\n"));
}

TEST_CASE("LOG and ALLOW let the call through", "[seccomp]") {
  for (const char* action : {"SCMP_ACT_LOG", "SCMP_ACT_ALLOW"}) {
    Sandbox box;
    box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", action)));
    box.bundle.probe("call getpriority 0 0");
    CHECK(box.outcome() == "getpriority=20\n");
  }
}

TEST_CASE("TRACE without a tracer is ENOSYS", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_TRACE")));
  box.bundle.probe("call getpriority 0 0");
  CHECK(box.outcome() == "getpriority=ENOSYS\n");
}

TEST_CASE("a default action of ERRNO lets through what is allowed", "[seccomp]") {
  Sandbox box;
  // What a static program needs to start, write and end, and what the runtime needs to execute it.
  box.bundle.set(
      "/linux/seccomp",
      profile("SCMP_ACT_ERRNO",
              rule(R"("read", "write", "writev", "exit", "exit_group", "brk", "mmap", "munmap", "mprotect",
          "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom",
          "newfstatat", "fstat", "execve", "execveat", "futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
          "ioctl", "close", "getpid", "openat", "openat2", "chdir", "fchdir", "capset", "capget", "setuid", "setgid",
          "setgroups", "prctl", "getdents64", "fcntl", "umask", "epoll_ctl", "epoll_pwait", "epoll_create1", "nanosleep",
          "sched_yield", "tgkill", "gettid", "mincore", "madvise", "sigaltstack", "clone", "statfs", "fstatfs", "stat",
          "lstat", "uname", "getppid", "sendmsg", "recvmsg", "recvfrom", "sendto", "poll", "ppoll", "seccomp", "access",
          "faccessat", "faccessat2", "pipe2", "eventfd2", "setresuid", "setresgid", "getuid", "getgid", "geteuid", "getegid"
          , "fchown", "fchownat", "close_range", "pread64", "lseek", "getcwd", "dup3", "dup", "dup2", "keyctl")",
                   "SCMP_ACT_ALLOW")));
  box.bundle.probe("call getpid , call getpriority 0 0 , call sync");
  CHECK(box.outcome() == "getpid=1\ngetpriority=EPERM\nsync=EPERM\n");
  box.bundle.set("/linux/seccomp/defaultErrnoRet", "38");
  CHECK(box.outcome() == "getpid=1\ngetpriority=ENOSYS\nsync=ENOSYS\n");
}

TEST_CASE("arguments are compared with every operator", "[seccomp]") {
  struct {
    const char* op;
    const char* value;
    const char* value_two;
    const char* refused;  // of umask(2) with 0x5, 0x10, 0x12: those that match
  } const cases[] = {
      {"SCMP_CMP_EQ", "16", "0", "16"},
      {"SCMP_CMP_NE", "16", "0", "5 18"},
      {"SCMP_CMP_LT", "16", "0", "5"},
      {"SCMP_CMP_LE", "16", "0", "5 16"},
      {"SCMP_CMP_GT", "16", "0", "18"},
      {"SCMP_CMP_GE", "16", "0", "16 18"},
      {"SCMP_CMP_MASKED_EQ", "16", "16", "16 18"},
  };
  for (const auto& c : cases) {
    Sandbox box;
    box.bundle.set("/linux/seccomp",
                   profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_ERRNO",
                                                  R"(, "errnoRet": 28, "args": [{"index": 1, "value": )" +
                                                      std::string(c.value) + R"(, "valueTwo": )" +
                                                      c.value_two + R"(, "op": ")" + c.op + "\"}]")));
    box.bundle.probe("call getpriority 9 5 , call getpriority 9 16 , call getpriority 9 18");
    std::string expected;
    for (const char* value : {"5", "16", "18"}) {
      auto list = words(c.refused);
      bool matches = std::find(list.begin(), list.end(), value) != list.end();
      expected += matches ? "getpriority=ENOSPC\n" : "getpriority=EINVAL\n";
    }
    INFO(c.op);
    CHECK(box.outcome() == expected);
  }
}

TEST_CASE("conditions on several arguments must all hold", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_ERRNO",
                                                                  R"(, "errnoRet": 28, "args": [
    {"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 8, "op": "SCMP_CMP_EQ"}])")));
  box.bundle.probe("call getpriority 7 8 , call getpriority 7 9 , call getpriority 6 8");
  CHECK(box.outcome() == "getpriority=ENOSPC\ngetpriority=EINVAL\ngetpriority=EINVAL\n");
}

TEST_CASE("several conditions on one argument are alternatives, as runc does it", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_ERRNO",
                                                                  R"(, "errnoRet": 28, "args": [
    {"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}])")));
  box.bundle.probe("call getpriority 7 0 , call getpriority 8 0 , call getpriority 9 0");
  CHECK(box.outcome() == "getpriority=ENOSPC\ngetpriority=ENOSPC\ngetpriority=EINVAL\n");
}

TEST_CASE("names that this kernel or libseccomp does not know are passed over", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp",
                 profile("SCMP_ACT_ALLOW", rule(R"("not_a_call_of_linux", "sync")", "SCMP_ACT_ERRNO")));
  box.bundle.probe("call sync");
  CHECK(box.outcome() == "sync=EPERM\n");
}

TEST_CASE("flags are accepted", "[seccomp][beyond-runc]") {
  for (const char* flag : {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"}) {
    Sandbox box;
    box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"sync\"", "SCMP_ACT_ERRNO"),
                                             ", \"flags\": [\"" + std::string(flag) + "\"]"));
    box.bundle.probe("call sync");
    INFO(flag);
    CHECK(box.outcome() == "sync=EPERM\n");
  }
}

TEST_CASE("an unknown action, operator, or architecture is refused by name", "[seccomp]") {
  for (const auto& [document, name] : std::initializer_list<std::pair<std::string, const char*>>{
           {profile("SCMP_ACT_SING", ""), "SCMP_ACT_SING"},
           {profile("SCMP_ACT_ALLOW", rule("\"sync\"", "SCMP_ACT_DANCE")), "SCMP_ACT_DANCE"},
           {profile("SCMP_ACT_ALLOW", rule("\"sync\"", "SCMP_ACT_ERRNO",
                                           R"(, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}])")),
            "SCMP_CMP_LIKE"},
           {R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]})",
            "SCMP_ARCH_PDP11"}}) {
    Sandbox box;
    box.bundle.set("/linux/seccomp", document);
    Finished f = box.run();
    INFO(name);
    CHECK(f.code == 1);
    CHECK(f.err == saying(name));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("an unknown filter flag is refused by name", "[seccomp][beyond-runc]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp",
                 profile("SCMP_ACT_ALLOW", "", R"(, "flags": ["SECCOMP_FILTER_FLAG_MAGIC"])"));
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("SECCOMP_FILTER_FLAG_MAGIC"));
}

TEST_CASE("without noNewPrivileges the filter is loaded with the runtime's rights", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/process/noNewPrivileges", "false").set("/process/user/uid", "1000").capabilities({});
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"sync\"", "SCMP_ACT_ERRNO")));
  box.bundle.probe("call sync , status NoNewPrivs");
  CHECK(box.outcome() == "sync=EPERM\nNoNewPrivs: 0\n");
}

TEST_CASE("a filter that was used before is used again, and a changed one is not mistaken for it",
          "[seccomp]") {
  // The compiled filter is cached by the profile's text.
  Sandbox box;
  for (const char* errno_value : {"28", "28", "38", "28"}) {
    box.bundle.set("/linux/seccomp",
                   profile("SCMP_ACT_ALLOW", rule("\"sync\"", "SCMP_ACT_ERRNO",
                                                  std::string(", \"errnoRet\": ") + errno_value)));
    box.bundle.probe("call sync");
    CHECK(box.outcome() == (std::string(errno_value) == "28" ? "sync=ENOSPC\n" : "sync=ENOSYS\n"));
  }
}

TEST_CASE("calls of the 32-bit and x32 tables are not let through by accident", "[seccomp]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp", profile("SCMP_ACT_ALLOW", rule("\"getpriority\"", "SCMP_ACT_ERRNO")));
  // 0x40000000 marks x32: getpriority there is the same number with that bit.
  box.bundle.probe("call " + std::to_string(0x40000000 + 140) + " 0 0");
  CHECK(box.outcome() != containing("=20\n"));
}
