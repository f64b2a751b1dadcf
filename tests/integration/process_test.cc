// process: user, arguments, environment, directory, limits and the rest of what the program is given.
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("the program has the configured user, group and more groups", "[process]") {
  Sandbox box;
  box.bundle.set("/process/user", R"({"uid": 1000, "gid": 2000, "additionalGids": [5, 3000, 65534]})");
  box.bundle.probe("ids");
  CHECK(box.outcome() == "uid=1000,1000,1000 gid=2000,2000,2000 groups=5,3000,65534\n");
}

TEST_CASE("the program has none of the caller's groups", "[process]") {
  Sandbox box;
  box.bundle.probe("ids");
  CHECK(box.outcome() == "uid=0,0,0 gid=0,0,0 groups=\n");
}

TEST_CASE("the umask is 0022 unless configured", "[process]") {
  Sandbox box;
  box.bundle.probe("umask , write /made x , stat /made");
  mode_t old = umask(0);
  CHECK(box.outcome() == "umask=0022\n/made: file 0644 0:0 1\n");
  umask(old);
  box.bundle.set("/process/user/umask", "63").probe("umask");
  CHECK(box.outcome() == "umask=0077\n");
}

TEST_CASE("arguments arrive as they are", "[process]") {
  Sandbox box;
  box.bundle.args({"/probe", "args", "", "two words", "-x", "--", "\"'$HOME\\", "\xe9\xa9\xac", "a\tb"});
  CHECK(box.outcome() == "arg=\narg=two words\narg=-x\narg=--\narg=\"'$HOME\\\narg=\xe9\xa9\xac\narg=a\tb\n");
}

TEST_CASE("very long arguments and many of them arrive", "[process]") {
  Sandbox box;
  Arguments list = {"/probe", "args", std::string(100000, 'x')};
  for (int i = 0; i < 2000; i++) list.push_back("n" + std::to_string(i));
  box.bundle.args(list);
  std::string out = box.outcome();
  CHECK(out.size() > 100000);
  CHECK(out.ends_with("arg=n1999\n"));
}

TEST_CASE("the environment is the configured one, with HOME from the root's passwd", "[process]") {
  Sandbox box;
  box.bundle.file("etc/passwd", "root:x:0:0:root:/the/root:/bin/sh\nweb:x:1000:1000::/srv/web:/bin/sh\n");
  box.bundle.set("/process/env", R"(["PATH=/bin", "ONE=1", "EMPTY="])").probe("env");
  CHECK(box.outcome() == "PATH=/bin\nONE=1\nEMPTY=\nHOME=/the/root\n");
  box.bundle.set("/process/user/uid", "1000").probe("env HOME");
  CHECK(box.outcome() == "HOME=/srv/web\n");
  box.bundle.add("/process/env", "\"HOME=/configured\"");
  CHECK(box.outcome() == "HOME=/configured\n");
}

TEST_CASE("a user that passwd does not have gets / as HOME", "[process]") {
  Sandbox box;
  box.bundle.set("/process/user/uid", "4242").probe("env HOME");
  CHECK(box.outcome() == "HOME=/\n");
}

TEST_CASE("passwd is read inside the root, also when it is a link", "[process]") {
  Sandbox box;
  // The link names the host's file; taken inside the root it does not exist.
  box.bundle.link("/etc/passwd-real", "etc/passwd").file("etc/passwd-real", "root:x:0:0::/linked:/bin/sh\n");
  box.bundle.probe("env HOME");
  CHECK(box.outcome() == "HOME=/linked\n");
}

TEST_CASE("the current directory is the configured one and is made if missing", "[process]") {
  Sandbox box;
  box.bundle.set("/process/cwd", "\"/made/for/us\"").probe("cwd");
  CHECK(box.outcome() == "cwd=/made/for/us\n");
}

TEST_CASE("a relative or empty cwd is refused", "[process]") {
  for (const char* cwd : {"\"relative\"", "\"\""}) {
    Sandbox box;
    box.bundle.set("/process/cwd", cwd);
    Finished f = box.run();
    CHECK(f.code == 1);
    CHECK(f.err == saying("cwd"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("the cwd is entered with root's rights, as runc does", "[process]") {
  Sandbox box;
  box.bundle.dir("closed").set("/process/cwd", "\"/closed\"").set("/process/user/uid", "1000");
  chmod((box.bundle.rootfs() + "/closed").c_str(), 0700);
  box.bundle.probe("cwd , ls /closed");
  CHECK(box.run().out == "cwd=/closed\nls /closed: EACCES\n");
}

TEST_CASE("a relative program is found from the cwd", "[process]") {
  Sandbox box;
  box.bundle.dir("opt")
      .link("/probe", "opt/tool")
      .set("/process/cwd", "\"/opt\"")
      .args({"./tool", "echo", "ok"});
  CHECK(box.outcome() == "ok\n");
}

TEST_CASE("empty args are refused", "[process]") {
  Sandbox box;
  box.bundle.set("/process/args", "[]");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("args"));
}

TEST_CASE("rlimits are set, all sixteen of them", "[process]") {
  Sandbox box;
  std::string list = "[";
  std::string expected;
  // Below the host's hard limits, so that no CAP_SYS_RESOURCE is needed.
  struct {
    const char* name;
    unsigned soft, hard;
  } const limits[] = {{"AS", 3000000000, 4000000000},
                      {"CORE", 1000, 2000},
                      {"CPU", 100, 200},
                      {"DATA", 1 << 28, 1 << 29},
                      {"FSIZE", 1 << 20, 1 << 21},
                      {"LOCKS", 11, 12},
                      {"MEMLOCK", 4096, 8192},
                      {"MSGQUEUE", 2048, 4096},
                      {"NICE", 0, 0},
                      {"NOFILE", 200, 300},
                      {"NPROC", 500, 600},
                      {"RSS", 1 << 20, 1 << 22},
                      {"RTPRIO", 0, 0},
                      {"RTTIME", 5000, 6000},
                      {"SIGPENDING", 50, 60},
                      {"STACK", 1 << 20, 1 << 22}};
  std::string names;
  for (auto [name, soft, hard] : limits) {
    list += (list.size() > 1 ? "," : "") + std::string(R"({"type": "RLIMIT_)") + name + R"(", "soft": )" +
            std::to_string(soft) + R"(, "hard": )" + std::to_string(hard) + "}";
    expected += std::string(name) + " " + std::to_string(soft) + " " + std::to_string(hard) + "\n";
    names += std::string(" ") + name;
  }
  box.bundle.set("/process/rlimits", list + "]").probe("limit" + names);
  CHECK(box.outcome() == expected);
}

TEST_CASE("limits that the configuration does not name are the caller's", "[process]") {
  Sandbox box;
  rlimit own{};
  getrlimit(RLIMIT_CORE, &own);
  box.bundle.set("/process/rlimits", "[]").probe("limit CORE").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.soft_limits = {{RLIMIT_CORE, 0}};
  CHECK(run_command(c).out.starts_with("CORE 0 "));
}

TEST_CASE("an unlimited rlimit is written as 2^64 - 1", "[process]") {
  Sandbox box;
  box.bundle.set("/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": 18446744073709551615,
                                          "hard": 18446744073709551615}])");
  box.bundle.probe("limit CPU");
  CHECK(box.outcome() == "CPU unlimited unlimited\n");
}

TEST_CASE("an unknown rlimit is refused by name", "[process]") {
  Sandbox box;
  box.bundle.set("/process/rlimits", R"([{"type": "RLIMIT_BEER", "soft": 1, "hard": 2}])");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("RLIMIT_BEER"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("an rlimit listed twice or with soft above hard is refused", "[process]") {
  for (const char* list :
       {R"([{"type": "RLIMIT_CPU", "soft": 1, "hard": 2}, {"type": "RLIMIT_CPU", "soft": 1, "hard": 2}])",
        R"([{"type": "RLIMIT_CPU", "soft": 3, "hard": 2}])"}) {
    Sandbox box;
    box.bundle.set("/process/rlimits", list);
    Finished f = box.run();
    if (runtime_is_runc() && f.code == 0) continue;  // runc lets the later of two win
    CHECK(f.code == 1);
    CHECK(!f.err.empty());
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("noNewPrivileges is as configured", "[process]") {
  Sandbox box;
  box.bundle.probe("status NoNewPrivs");
  CHECK(box.outcome() == "NoNewPrivs: 1\n");
  box.bundle.set("/process/noNewPrivileges", "false");
  CHECK(box.outcome() == "NoNewPrivs: 0\n");
}

TEST_CASE("oomScoreAdj is set, and inherited when absent", "[process]") {
  Sandbox box;
  box.bundle.set("/process/oomScoreAdj", "500").probe("cat /proc/self/oom_score_adj");
  CHECK(box.outcome() == "500\n");
  box.bundle.drop("/process/oomScoreAdj");
  CHECK(box.outcome() == words(read_text("/proc/self/oom_score_adj"))[0] + "\n");
}

TEST_CASE("an oomScoreAdj out of range is refused", "[process]") {
  Sandbox box;
  box.bundle.set("/process/oomScoreAdj", "1001");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}

TEST_CASE("the container has a session keyring of its own unless told otherwise", "[process]") {
  Sandbox box;
  box.bundle.probe("keyring");
  CHECK(box.outcome() == "keyring=_ses." + box.id() + "\n");
  CHECK(box.outcome({"--no-new-keyring"}) != containing("_ses." + box.id()));
}

TEST_CASE("the program starts with default signals, none blocked", "[process]") {
  Sandbox box;
  box.bundle.probe("status SigBlk SigIgn SigCgt");
  CHECK(box.outcome() == "SigBlk: 0000000000000000\nSigIgn: 0000000000000000\nSigCgt: 0000000000000000\n");
}

TEST_CASE("the program's name is its own", "[process]") {
  Sandbox box;
  box.bundle.probe("cat /proc/self/comm , readlink /proc/self/exe");
  CHECK(box.outcome() == "probe\n/proc/self/exe -> /probe\n");
}

TEST_CASE("the program leads its own session", "[process]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("pids");
  auto field = words(box.outcome());
  REQUIRE(field.size() == 4);
  CHECK(field[0].substr(4) == field[3].substr(4));
}

TEST_CASE("the caller's CPU affinity is not the container's", "[process]") {
  cpu_set_t all, one;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  Sandbox box;
  box.bundle.probe("status Cpus_allowed_list , wait");
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  box.launch();
  const bool printed = box.prints("\n");
  const std::string entered = box.exec("status Cpus_allowed_list").out;
  REQUIRE(sched_setaffinity(0, sizeof all, &all) == 0);
  REQUIRE(printed);
  CHECK(entered == box.output());
  Sandbox reference;
  reference.bundle.probe("status Cpus_allowed_list");
  CHECK(entered == reference.outcome());
}

TEST_CASE("a HOME that is empty is found in the image, of several the last counts", "[process]") {
  for (const char* variables : {R"(["HOME="])", R"(["HOME=/first", "HOME="])", "[]"}) {
    Sandbox box;
    box.bundle.file("etc/passwd", "root:x:0:0::/the/home:/bin/sh\n", 0644);
    box.bundle.set("/process/env", variables).probe("env");
    CHECK(box.outcome() == "HOME=/the/home\n");
  }
  Sandbox box;
  box.bundle.set("/process/env", R"(["HOME=", "HOME=/given"])").probe("env");
  CHECK(box.outcome() == "HOME=/given\n");
}

TEST_CASE("scheduler, I/O priority and affinity are applied", "[process][beyond-runc]") {
  Sandbox box;
  box.bundle.set("/process/scheduler", R"({"policy": "SCHED_BATCH", "nice": 7})");
  box.bundle.set("/process/ioPriority", R"({"class": "IOPRIO_CLASS_BE", "priority": 6})").probe("scheduling");
  std::string seen = box.outcome();
  CHECK(seen == containing("policy=3 nice=7"));
  CHECK(seen == containing("ioprio=" + std::to_string((2 << 13) | 6)));
}

TEST_CASE("a personality is applied", "[process][beyond-runc]") {
  Sandbox box;
  box.bundle.set("/linux/personality", R"({"domain": "LINUX32"})").probe("scheduling");
  CHECK(box.outcome() == containing("personality=8 "));
}

TEST_CASE("an environment of many variables arrives", "[process]") {
  Sandbox box;
  std::string list = "[\"HOME=/\"";
  for (int i = 0; i < 5000; i++) list += ",\"V" + std::to_string(i) + "=x\"";
  box.bundle.set("/process/env", list + "]").probe("env-count");
  CHECK(box.outcome() == "environ=5001\n");
}

TEST_CASE("the last of two variables with one name counts", "[process]") {
  Sandbox box;
  box.bundle.set("/process/env", R"(["A=1", "HOME=/", "A=2"])").probe("env A , env-count");
  CHECK(box.outcome() == "A=2\nenviron=2\n");
}
