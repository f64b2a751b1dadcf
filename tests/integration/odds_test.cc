// Properties that come together in unusual ways.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("a key given twice counts as given last", "[bad-input]") {
  Sandbox box;
  std::string text = box.bundle.probe("names").document();
  text.insert(text.rfind('}'), ", \"hostname\": \"second\"");
  box.bundle.raw(text);
  CHECK(box.outcome() == containing("hostname=second"));
}

TEST_CASE("a console size without a terminal is no error", "[terminal]") {
  Sandbox box;
  box.bundle.set("/process/consoleSize", R"({"width": 80, "height": 25})").probe("tty 0");
  CHECK(box.outcome() == "tty0=no\n");
}

TEST_CASE("a user's name in the document is nothing on Linux", "[process]") {
  Sandbox box;
  box.bundle.set("/process/user", R"({"uid": 5, "gid": 6, "username": "somebody"})").probe("ids");
  CHECK(box.outcome() == containing("uid=5,5,5 gid=6,6,6"));
}

TEST_CASE("a lower oomScoreAdj than allowed is applied or refused, never forgotten", "[process]") {
  Sandbox box;
  box.bundle.set("/process/oomScoreAdj", "-900").probe("cat /proc/self/oom_score_adj");
  Finished f = box.run();
  if (f.code == 0) {
    CHECK(f.out == "-900\n");
  } else {
    CHECK(f.code == 1);
    CHECK(f.err == saying("oom"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a time namespace has the configured offsets", "[namespaces][beyond-runc]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "time"})");
  box.bundle.set("/linux/timeOffsets",
                 R"({"monotonic": {"secs": 100000}, "boottime": {"secs": 200000, "nanosecs": 5}})");
  box.bundle.probe("clocks , ns time");
  timespec monotonic{}, boottime{};
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boottime);
  std::string seen = box.outcome();
  REQUIRE(seen.starts_with("monotonic="));
  CHECK(seen != containing(own_namespace("time")));
  CHECK(atol(seen.c_str() + 10) >= monotonic.tv_sec + 100000);
  CHECK(atol(seen.c_str() + 10) < monotonic.tv_sec + 100000 + 60);
  CHECK(atol(seen.c_str() + seen.find("boottime=") + 9) >= boottime.tv_sec + 200000);
}

TEST_CASE("everything at once", "[run]") {
  Sandbox box;
  box.bundle.user_namespace().add("/linux/namespaces", R"({"type": "cgroup"})");
  for (const char* dir : {"proc", "dev", "sys", "tmp", "work"}) {
    box.bundle.dir(dir);
    REQUIRE(chown((box.bundle.rootfs() + "/" + dir).c_str(), 100000, 200000) == 0);
  }
  chmod((box.bundle.rootfs() + "/tmp").c_str(), 01777);
  box.bundle.set("/root/readonly", "true").mount("/tmp", "tmpfs", "tmpfs", "nosuid,nodev,size=1m,mode=1777");
  box.bundle.set("/process/user", R"({"uid": 33, "gid": 33, "additionalGids": [44], "umask": 39})");
  box.bundle.capabilities({"CAP_NET_BIND_SERVICE"}).set("/process/cwd", "\"/work\"");
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.ip_unprivileged_port_start": "80"})");
  box.bundle.set("/linux/seccomp",
                 R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]})");
  box.bundle.add("/hooks/createRuntime", R"({"path": "/bin/true"})")
      .add("/hooks/poststop", R"({"path": "/bin/true"})");
  box.bundle.probe("ids , umask , cwd , call sync , write /x y , write /tmp/x y , status CapEff NoNewPrivs");
  Finished f = box.run();
  CHECK(f.out ==
        "uid=33,33,33 gid=33,33,33 groups=44\numask=0047\ncwd=/work\nsync=EPERM\nwrite /x: EROFS\n"
        "CapEff: 0000000000000400\nNoNewPrivs: 1\n");
  CHECK(f.err.empty());
}

TEST_CASE("a container inside a container's namespaces can be stopped in any order", "[lifecycle]") {
  Sandbox outer, inner;
  outer.bundle.probe("wait");
  outer.launch();
  for (const char* type : {"pid", "network", "ipc"}) {
    std::string file = std::string(type) == "network" ? "net" : type;
    inner.bundle.drop_namespace(type).add("/linux/namespaces",
                                          R"({"type": ")" + std::string(type) + R"(", "path": "/proc/)" +
                                              std::to_string(outer.pid()) + "/ns/" + file + "\"}");
  }
  inner.bundle.probe("echo up , wait");
  inner.launch();
  REQUIRE(inner.prints("up"));
  // The end of the pid namespace's first process ends everything in it.
  CHECK(outer.kill("KILL").code == 0);
  CHECK(inner.becomes("stopped"));
  CHECK(outer.becomes("stopped"));
  CHECK(inner.remove().code == 0);
  CHECK(outer.remove().code == 0);
}

TEST_CASE("kill --all in a shared pid namespace spares the other container", "[lifecycle]") {
  Sandbox outer, inner;
  outer.bundle.probe("wait");
  outer.launch();
  inner.bundle.drop_namespace("pid").add(
      "/linux/namespaces",
      R"({"type": "pid", "path": "/proc/)" + std::to_string(outer.pid()) + R"(/ns/pid"})");
  inner.bundle.probe("child , echo up , wait");
  inner.launch();
  REQUIRE(inner.prints("up"));
  CHECK(inner.runtime({"kill", "--all", inner.id(), "9"}).code == 0);
  CHECK(inner.becomes("stopped"));
  CHECK(outer.status() == "running");
}

TEST_CASE("delete --force of a container that joined a pid namespace ends all of it", "[lifecycle]") {
  Sandbox outer, inner;
  outer.bundle.probe("wait");
  outer.launch();
  inner.bundle.drop_namespace("pid").add(
      "/linux/namespaces",
      R"({"type": "pid", "path": "/proc/)" + std::to_string(outer.pid()) + R"(/ns/pid"})");
  inner.bundle.probe("child , child , echo up , wait");
  inner.launch();
  REQUIRE(inner.prints("up"));
  CHECK(inner.remove({"--force"}).code == 0);
  CHECK(inner.leftovers().empty());
  CHECK(outer.status() == "running");
  CHECK(eventually(
      [&] { return words(outer.runtime({"ps", "--format", "json", outer.id()}).out).size() == 1; }));
}
