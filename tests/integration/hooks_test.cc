// hooks: when each runs, where, with what, and what its failure means.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

constexpr const char* kHostHooks[] = {"prestart", "createRuntime", "createContainer", "poststart",
                                      "poststop"};

// A hook that runs a shell script of the host.
std::string shell_hook(const std::string& script, const std::string& more = "") {
  return R"({"path": "/bin/sh", "args": ["sh", "-c", )" + json_string(script) + "]" + more + "}";
}

// A hook that runs the probe inside the root (startContainer).
std::string probe_hook(const std::string& commands) {
  Arguments list = words(commands);
  list.insert(list.begin(), "probe");
  return R"({"path": "/probe", "args": )" + json_list(list) + "}";
}

std::string log_of(const Sandbox& box) {
  return read_text(box.scratch() + "/log");
}

}  // namespace

TEST_CASE("hooks run at create, start and delete, in the order of the specification",
          "[hooks][beyond-runc]") {
  Sandbox box;
  for (const char* hook : kHostHooks)
    for (int i = 1; i <= 2; i++)
      box.bundle.add(
          "/hooks/" + std::string(hook),
          shell_hook("echo " + std::string(hook) + std::to_string(i) + " >> " + box.scratch() + "/log"));
  write_text(box.scratch() + "/log", "");
  box.bundle.mount("/log", "bind", box.scratch() + "/log", "bind");
  box.bundle.add("/hooks/startContainer", probe_hook("append"));
  box.bundle.set("/hooks/startContainer/0/args", R"(["probe", "append", "/log", "startContainer1\n"])");
  box.bundle.args({"/probe", "append", "/log", "program\n", ",", "wait"});
  std::string created =
      "prestart1\nprestart2\ncreateRuntime1\ncreateRuntime2\ncreateContainer1\ncreateContainer2\n";
  Finished f = box.create();
  INFO(f.err);
  REQUIRE(f.code == 0);
  CHECK(log_of(box) == created);
  CHECK(box.start().code == 0);
  CHECK(eventually([&] { return log_of(box) == containing("program\n"); }));
  std::string started = log_of(box).substr(created.size());
  CHECK(started.starts_with("startContainer1\n"));
  // The program runs beside the poststart hooks, and may write its line between theirs.
  size_t first = started.find("poststart1\n");
  CHECK(first != std::string::npos);
  CHECK(started.find("poststart2\n", first) != std::string::npos);
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(log_of(box).ends_with("poststop1\npoststop2\n"));
}

TEST_CASE("run runs every hook", "[hooks]") {
  Sandbox box;
  for (const char* hook : kHostHooks)
    box.bundle.add("/hooks/" + std::string(hook),
                   shell_hook("echo " + std::string(hook) + " >> " + box.scratch() + "/log"));
  // poststart may lose the race against a program that ends at once: it has to wait for a sign.
  box.bundle.set("/hooks/poststart/0", shell_hook("echo poststart >> " + box.scratch() + "/log; : > " +
                                                  box.bundle.rootfs() + "/go"));
  box.bundle.probe("wait-for /go , exit 5");
  CHECK(box.run().code == 5);
  CHECK(log_of(box) == "prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop\n");
}

TEST_CASE("each hook reads the container's state on stdin", "[hooks]") {
  Sandbox box;
  box.bundle.set("/annotations", R"({"com.example": "value"})").probe("wait");
  for (const char* hook : kHostHooks)
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("cat > " + box.scratch() + "/" + hook));
  box.launch();
  std::string pid = std::to_string(box.pid());
  CHECK(box.remove({"--force"}).code == 0);
  for (const char* hook : kHostHooks) {
    std::string state = read_text(box.scratch() + "/" + hook);
    INFO(hook << ": " << state);
    CHECK(is_json(state));
    CHECK(json_at(state, "/id") == box.id());
    CHECK(json_at(state, "/bundle") == box.bundle.path());
    CHECK(json_at(state, "/annotations/com.example") == "value");
    CHECK(json_at(state, "/ociVersion").starts_with("1."));
    // runtime.md: a hook in the container's namespaces is told the pid that is seen there.
    if (std::string(hook) == "createContainer")
      CHECK(json_at(state, "/pid") == "1");
    else if (std::string(hook) != "poststop")
      CHECK(json_at(state, "/pid") == pid);
  }
}

TEST_CASE("the state on stdin says where in its life the container is", "[hooks][beyond-runc]") {
  Sandbox box;
  box.bundle.probe("wait");
  for (const char* hook : kHostHooks)
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("cat > " + box.scratch() + "/" + hook));
  box.bundle.add("/hooks/startContainer",
                 R"({"path": "/probe", "args": ["probe", "save-stdin", "/startContainer"]})");
  box.launch();
  CHECK(json_at(box.bundle.read("startContainer"), "/status") == "created");
  CHECK(json_at(box.bundle.read("startContainer"), "/pid") == "1");
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(json_at(read_text(box.scratch() + "/prestart"), "/status") == "creating");
  CHECK(json_at(read_text(box.scratch() + "/createRuntime"), "/status") == "creating");
  CHECK(json_at(read_text(box.scratch() + "/createContainer"), "/status") == "creating");
  CHECK(json_at(read_text(box.scratch() + "/poststart"), "/status") == "running");
  CHECK(json_at(read_text(box.scratch() + "/poststop"), "/status") == "stopped");
}

TEST_CASE("hooks run in the namespaces that the specification names", "[hooks]") {
  Sandbox box;
  for (const char* hook : kHostHooks)
    box.bundle.add(
        "/hooks/" + std::string(hook),
        shell_hook("readlink /proc/self/ns/mnt /proc/self/ns/net > " + box.scratch() + "/" + hook));
  box.bundle.probe("ns mnt net , wait");
  box.launch();
  REQUIRE(box.prints("net:"));
  std::string inside = box.output();
  std::string outside = own_namespace("mnt") + "\n" + own_namespace("net") + "\n";
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(read_text(box.scratch() + "/prestart") == outside);
  CHECK(read_text(box.scratch() + "/createRuntime") == outside);
  CHECK(read_text(box.scratch() + "/createContainer") == inside);
  CHECK(read_text(box.scratch() + "/poststart") == outside);
  CHECK(read_text(box.scratch() + "/poststop") == outside);
}

TEST_CASE("startContainer runs inside the root, before the program, in its namespaces", "[hooks]") {
  Sandbox box;
  // What a hook prints is not the program's output: it makes a link that names its namespace, and a
  // directory.
  box.bundle.add("/hooks/startContainer", probe_hook("mkdir /made , link-self-ns net /net"));
  box.bundle.probe("readlink /net , ns net , ls /");
  std::string out = box.outcome();
  CHECK(out == containing("/: dev made net probe proc sys"));
  std::string name = out.substr(0, out.find('\n'));
  REQUIRE(name.starts_with("/net -> net:["));
  CHECK(out == containing("\n" + name.substr(8) + "\n"));
}

TEST_CASE("a hook's output is not the program's", "[hooks]") {
  Sandbox box;
  for (const char* hook : kHostHooks)
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("echo noise; echo noise >&2"));
  box.bundle.add("/hooks/startContainer", probe_hook("echo noise")).probe("echo program");
  CHECK(box.outcome() == "program\n");
}

TEST_CASE("createContainer sees the mounts before the root is changed", "[hooks]") {
  Sandbox box;
  box.bundle.add("/hooks/createContainer",
                 shell_hook("ls " + box.bundle.rootfs() + "/dev > " + box.scratch() + "/log"));
  box.bundle.probe("exit 0");
  CHECK(box.run().code == 0);
  CHECK(log_of(box) == containing("null\n"));
}

TEST_CASE("a hook has exactly its own environment", "[hooks]") {
  Sandbox box;
  box.bundle.add("/hooks/createRuntime",
                 R"({"path": "/usr/bin/env", "args": ["env"], "env": ["ONE=1", "TWO=two words"]})");
  // env(1) prints to stdout: runc collects a hook's output only to show it when it fails.
  box.bundle.add("/hooks/createRuntime",
                 shell_hook("env | sort > " + box.scratch() + "/env", R"(, "env": ["ONE=1"])"));
  box.bundle.probe("exit 0");
  CHECK(box.run().code == 0);
  std::string seen = read_text(box.scratch() + "/env");
  CHECK(seen == containing("ONE=1\n"));
  CHECK(seen != containing("HOME="));
  CHECK(seen != containing("SHOJI_OCI="));
}

TEST_CASE("a hook without an environment has the runtime's, inside the container the program's", "[hooks]") {
  Sandbox box;
  for (const char* hook : {"createRuntime", "createContainer"})
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("env > " + box.scratch() + "/" + hook));
  box.bundle.set("/process/env", R"(["OF_THE_PROGRAM=1"])").probe("exit 0");
  setenv("OF_THE_CALLER", "1", 1);
  Finished f = box.run();
  unsetenv("OF_THE_CALLER");
  CHECK(f.code == 0);
  std::string outside = read_text(box.scratch() + "/createRuntime");
  CHECK(outside == containing("OF_THE_CALLER=1\n"));
  CHECK(outside != containing("OF_THE_PROGRAM=1"));
  std::string inside = read_text(box.scratch() + "/createContainer");
  CHECK(inside == containing("OF_THE_PROGRAM=1\n"));
  CHECK(inside != containing("OF_THE_CALLER"));
}

TEST_CASE("hooks of the host start in the bundle, createContainer in the root with its mounts", "[hooks]") {
  Sandbox box;
  for (const char* hook : kHostHooks)
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("pwd > " + box.scratch() + "/" + hook));
  box.bundle.add("/hooks/createContainer", shell_hook("test -e proc/self && test -e dev/null"));
  box.bundle.probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 0);
  CHECK(f.err.empty());
  for (const char* hook : {"prestart", "createRuntime", "poststart", "poststop"})
    CHECK(read_text(box.scratch() + "/" + hook) == box.bundle.path() + "\n");
  CHECK(read_text(box.scratch() + "/createContainer") == box.bundle.rootfs() + "\n");
}

TEST_CASE("args[0] of a hook is not replaced by its path", "[hooks]") {
  Sandbox box;
  box.bundle.add("/hooks/createRuntime", R"({"path": "/bin/sh", "args": ["another-name", "-c", "echo $0 > )" +
                                             box.scratch() + R"(/name"]})");
  box.bundle.probe("exit 0");
  CHECK(box.run().code == 0);
  CHECK(read_text(box.scratch() + "/name") == "another-name\n");
}

TEST_CASE("a failing hook at create aborts it, and nothing is left", "[hooks]") {
  for (const char* hook : {"prestart", "createRuntime", "createContainer"}) {
    Sandbox box;
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("echo the reason >&2; exit 3"));
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("touch " + box.scratch() + "/second"));
    box.bundle.add("/hooks/poststop", shell_hook("touch " + box.scratch() + "/poststop"));
    box.bundle.probe("write /ran x");
    Finished f = box.create();
    INFO(hook << ": " << f.err);
    CHECK(f.code == 1);
    CHECK(f.err == saying("hook"));
    CHECK(f.err == saying("status 3"));
    CHECK(f.err == containing("the reason"));
    CHECK(access((box.scratch() + "/second").c_str(), F_OK) != 0);
    CHECK(!box.bundle.exists("ran"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a failing startContainer hook keeps the program from running", "[hooks]") {
  Sandbox box;
  box.bundle.add("/hooks/startContainer", R"({"path": "/probe", "args": ["probe", "exit", "4"]})");
  box.bundle.probe("write /ran x");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("hook"));
  CHECK(!box.bundle.exists("ran"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a failing poststart hook fails start and ends the program", "[hooks][beyond-runc]") {
  Sandbox box;
  box.bundle.add("/hooks/poststart", shell_hook("exit 5")).probe("wait");
  REQUIRE(box.create().code == 0);
  Finished f = box.start();
  CHECK(f.code == 1);
  CHECK(f.err == saying("hook"));
  CHECK(box.becomes("stopped"));
}

TEST_CASE("a failing poststop hook does not keep the container from being deleted", "[hooks]") {
  Sandbox box;
  box.bundle.add("/hooks/poststop", shell_hook("exit 6"));
  box.bundle.add("/hooks/poststop", shell_hook("touch " + box.scratch() + "/second"));
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Finished f = box.remove();
  CHECK(f.err == saying("hook"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("after a failing poststop hook the others still run and delete succeeds", "[hooks][beyond-runc]") {
  Sandbox box;
  box.bundle.add("/hooks/poststop", shell_hook("exit 6"));
  box.bundle.add("/hooks/poststop", shell_hook("touch " + box.scratch() + "/second"));
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Finished f = box.remove();
  CHECK(f.code == 0);
  CHECK(f.err == saying("warn"));
  CHECK(access((box.scratch() + "/second").c_str(), F_OK) == 0);
}

TEST_CASE("a hook that takes longer than its timeout is ended and counts as failed", "[hooks]") {
  for (const char* hook : {"createRuntime", "createContainer"}) {
    Sandbox box;
    box.bundle.add("/hooks/" + std::string(hook), shell_hook("exec sleep 60", R"(, "timeout": 1)"));
    double start = now();
    Finished f = box.create();
    INFO(hook << ": " << f.err);
    CHECK(now() - start < 10 * time_factor());
    CHECK(f.code == 1);
    CHECK(f.err == saying("hook"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a hook that cannot be executed is reported by its path", "[hooks]") {
  for (const char* hook : {"createRuntime", "createContainer"}) {
    Sandbox box;
    box.bundle.add("/hooks/" + std::string(hook), R"({"path": "/no/such/hook"})");
    Finished f = box.create();
    CHECK(f.code == 1);
    CHECK(f.err == containing("/no/such/hook"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a hook without a path, with a relative one or a timeout of 0 is refused", "[hooks][beyond-runc]") {
  for (const char* hook :
       {R"({"args": ["x"]})", R"({"path": "relative"})", R"({"path": "/bin/true", "timeout": 0})"}) {
    Sandbox box;
    box.bundle.add("/hooks/createRuntime", hook).probe("exit 0");
    Finished f = box.run();
    INFO(hook);
    CHECK(f.code == 1);
    CHECK(f.err == saying("/hooks/createRuntime/0"));
  }
}

TEST_CASE("a hook that does not read its stdin does no harm", "[hooks]") {
  Sandbox box;
  std::string big = R"({"big": ")" + std::string(200000, 'x') + "\"}";
  box.bundle.set("/annotations", big).add("/hooks/createRuntime", R"({"path": "/bin/true"})").probe("exit 0");
  CHECK(box.run().code == 0);
}

TEST_CASE("a hook may use the namespaces of the container by its pid", "[hooks]") {
  Sandbox box;
  // What network plugins do: enter the network namespace and set it up before the program runs.
  box.bundle.add(
      "/hooks/createRuntime",
      shell_hook("pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); /usr/bin/nsenter --net=/proc/$pid/ns/net "
                 "/bin/sh -c 'echo 77 > /proc/sys/net/ipv4/ip_default_ttl'",
                 R"(, "env": ["PATH=/usr/bin:/bin"])"));
  box.bundle.probe("cat /proc/sys/net/ipv4/ip_default_ttl");
  CHECK(box.outcome() == "77\n");
}

TEST_CASE("hooks do not inherit the runtime's descriptors", "[hooks]") {
  Sandbox box;
  std::vector<std::string> hooks = {"createRuntime", "poststart"};
  if (!runtime_is_runc()) hooks.emplace_back("createContainer");
  for (const auto& hook : hooks)
    box.bundle.add("/hooks/" + hook,
                   shell_hook("ls -l /proc/self/fd | grep -v ' /proc/' > " + box.scratch() + "/" + hook));
  box.bundle.probe("wait");
  box.launch();
  for (const auto& hook : hooks) {
    std::string seen = read_text(box.scratch() + "/" + hook);
    INFO(hook << ":\n" << seen);
    CHECK(seen == containing(" 0 ->"));
    for (int fd = 3; fd < 100; fd++) CHECK(seen != containing(" " + std::to_string(fd) + " ->"));
  }
}

TEST_CASE("a hook may ask for the state of its container", "[hooks][beyond-runc]") {
  Sandbox box;
  std::string ask =
      runtime_program() + " --root " + box.state_dir() + " state " + box.id() + " > " + box.scratch() + "/";
  box.bundle.add("/hooks/createRuntime", shell_hook(ask + "create", R"(, "timeout": 5)"));
  box.bundle.add("/hooks/poststart", shell_hook(ask + "start", R"(, "timeout": 5)"));
  box.bundle.probe("wait");
  box.launch();
  CHECK(json_at(read_text(box.scratch() + "/create"), "/status") == "creating");
  CHECK(json_at(read_text(box.scratch() + "/start"), "/status") == "running");
}
