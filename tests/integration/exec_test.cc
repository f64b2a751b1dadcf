// exec: a further process in a running container.
#include <signal.h>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("exec runs a program inside and gives back its exit code", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.exec("echo inside , names , exit 6");
  CHECK(f.out == "inside\nhostname=probe domainname=(none)\n");
  CHECK(f.code == 6);
  CHECK(f.err.empty());
}

TEST_CASE("exec shares every namespace of the container", "[exec]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "cgroup"})").probe("ns pid net ipc uts mnt cgroup , wait");
  box.launch();
  REQUIRE(box.prints("cgroup:"));
  CHECK(box.exec("ns pid net ipc uts mnt cgroup").out == box.output());
}

TEST_CASE("exec enters the container's cgroups", "[exec]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("wait");
  box.launch();
  Process exec = box.spawn({"exec", box.id(), "/probe", "pids", ",", "wait"});
  REQUIRE(eventually([&] { return exec.out() == containing("pid="); }));
  pid_t pid = atoi(exec.out().c_str() + 4);
  for (const char* controller : {"memory", "pids", "cpu", "freezer", ""})
    if (!hierarchy(controller).empty()) CHECK(cgroup_of(pid, controller) == box.cgroup());
}

TEST_CASE("exec inherits the container's environment and directory, and adds its own", "[exec]") {
  Sandbox box;
  box.bundle.dir("work")
      .set("/process/cwd", "\"/work\"")
      .set("/process/env", R"(["PATH=/", "ONE=1", "TWO=2"])");
  box.bundle.probe("wait");
  box.launch();
  CHECK(box.exec("env , cwd").out == containing("ONE=1\nTWO=2\n"));
  CHECK(box.exec("cwd").out == "cwd=/work\n");
  Finished f =
      box.exec("env ONE , env TWO , env THREE , cwd", {"--env", "ONE=one", "--env=THREE=3", "--cwd", "/sys"});
  CHECK(f.out == "ONE=one\nTWO=2\nTHREE=3\ncwd=/sys\n");
}

TEST_CASE("exec's --user takes uid and gid, -g more groups", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  CHECK(box.exec("ids", {"--user", "1000"}).out == containing("uid=1000,1000,1000 gid=0,0,0"));
  CHECK(box.exec("ids", {"-u", "1000:2000", "-g", "7", "-g", "8"}).out ==
        "uid=1000,1000,1000 gid=2000,2000,2000 groups=7,8\n");
}

TEST_CASE("exec has the container's capabilities, and --cap adds", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  std::string normal = box.exec("status CapBnd CapEff CapPrm").out;
  CHECK(normal == "CapPrm: 0000000020000420\nCapEff: 0000000020000420\nCapBnd: 0000000020000420\n");
  CHECK(box.exec("status CapEff", {"--cap", "CAP_SYS_CHROOT"}).out == "CapEff: 0000000020040420\n");
}

TEST_CASE("exec follows noNewPrivileges of the container, and --no-new-privs sets it", "[exec]") {
  Sandbox box;
  box.bundle.set("/process/noNewPrivileges", "false").probe("wait");
  box.launch();
  CHECK(box.exec("status NoNewPrivs").out == "NoNewPrivs: 0\n");
  CHECK(box.exec("status NoNewPrivs", {"--no-new-privs"}).out == "NoNewPrivs: 1\n");
}

TEST_CASE("exec applies the container's rlimits and seccomp filter", "[exec]") {
  Sandbox box;
  box.bundle.set("/linux/seccomp",
                 R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})");
  box.bundle.probe("wait");
  box.launch();
  CHECK(box.exec("limit NOFILE , call getpriority 0 0").out == "NOFILE 1024 1024\ngetpriority=ENOSYS\n");
}

TEST_CASE("exec --process takes a process document", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  std::string file = box.scratch() + "/process.json";
  write_text(file, R"({"args": ["/probe", "ids", ",", "env", "X", ",", "cwd", ",", "status", "CapEff"],
    "env": ["X=from the document"], "cwd": "/sys", "user": {"uid": 5, "gid": 6, "additionalGids": [7]},
    "capabilities": {}})");
  Finished f = box.runtime({"exec", "--process", file, box.id()});
  INFO(f.err);
  CHECK(f.out == "uid=5,5,5 gid=6,6,6 groups=7\nX=from the document\ncwd=/sys\nCapEff: 0000000000000000\n");
  CHECK(box.runtime({"exec", "-p", file, box.id()}).out == containing("uid=5"));
}

TEST_CASE("exec --detach returns at once and writes the pid file", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  std::string file = box.scratch() + "/exec.pid";
  Finished f = box.exec("exit-on TERM 7", {"--detach", "--pid-file", file});
  CHECK(f.code == 0);
  pid_t pid = atoi(read_text(file).c_str());
  REQUIRE(pid > 0);
  CHECK(read_text("/proc/" + std::to_string(pid) + "/root/probe").size() > 1000);
  ::kill(pid, SIGKILL);
  CHECK(eventually([&] { return orphan_exit_code(pid) == 128 + SIGKILL; }));
}

TEST_CASE("exec of a missing program is exit code 255 and names it", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.runtime({"exec", box.id(), "/no/such"});
  CHECK(f.code == 255);
  CHECK(f.err == saying("/no/such"));
  CHECK(f.err == saying("no such file or directory"));
  Finished g = box.runtime({"exec", box.id(), "nothing-on-the-path"});
  CHECK(g.code == 255);
  CHECK(g.err == saying("executable file not found in $PATH"));
  CHECK(box.status() == "running");
}

TEST_CASE("exec without a program is refused", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.runtime({"exec", box.id()});
  CHECK(f.code == 255);
  CHECK(!f.err.empty());
}

TEST_CASE("exec in a stopped container is refused", "[exec]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Finished f = box.exec("echo no");
  CHECK(f.code == 255);
  CHECK(f.err == saying("stopped"));
  CHECK(f.out.empty());
}

TEST_CASE("exec works in a created container", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  CHECK(box.exec("echo early").out == "early\n");
  CHECK(box.status() == "created");
}

TEST_CASE("exec gives 128 + N when a signal ends the program", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  CHECK(box.exec("kill-self KILL").code == 128 + SIGKILL);
}

TEST_CASE("exec forwards signals", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Process exec = box.spawn({"exec", box.id(), "/probe", "exit-on", "TERM", "5"});
  REQUIRE(eventually([&] { return exec.out() == containing("ready"); }));
  exec.signal(SIGTERM);
  CHECK(exec.wait().code == 5);
}

TEST_CASE("exec passes stdin through", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Command c = box.command({"exec", box.id(), "/probe", "stdin"});
  c.input = "abc";
  CHECK(run_command(c).out == "abcstdin=3 bytes\n");
}

TEST_CASE("a running exec ends with its container", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Process exec = box.spawn({"exec", box.id(), "/probe", "echo", "in", ",", "wait"});
  REQUIRE(eventually([&] { return exec.out() == containing("in"); }));
  CHECK(box.kill("KILL").code == 0);
  CHECK(exec.wait().code == 128 + SIGKILL);
}

TEST_CASE("the flags of the program to be executed are not the runtime's", "[exec]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  CHECK(box.runtime({"exec", box.id(), "/probe", "args", "--user", "-t", "--", "--help"}).out ==
        "arg=--user\narg=-t\narg=--\narg=--help\n");
}
