// kill -9 of the runtime at any moment: `delete --force` clears up whatever is there.
// SHOJI_ROUNDS sets how many moments are tried for each verb, SHOJI_SEED which; a failure prints both.
#include <signal.h>
#include <unistd.h>

#include <random>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/match.h"
#include "tests/integration/rounds.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// Brings a fresh container to where `verb` can be called, and returns that call.
Arguments prepare(Sandbox& box, const std::string& verb) {
  box.bundle.add("/hooks/poststop", R"({"path": "/bin/true"})");
  // Hooks that take a moment, so that the moment of the signal may be theirs.
  for (const char* hook : {"createRuntime", "createContainer"})
    box.bundle.add("/hooks/" + std::string(hook), R"({"path": "/bin/sleep", "args": ["sleep", "0.005"]})");
  if (controller_version("pids") != 0) box.bundle.set("/linux/resources/pids", R"({"limit": 20})");
  box.bundle.probe("child , wait").save();
  if (verb != "create" && verb != "run") REQUIRE(box.create().code == 0);
  if (verb == "exec" || verb == "delete" || verb == "kill") REQUIRE(box.start().code == 0);
  if (verb == "create") return {"create", "--bundle", box.bundle.path(), box.id()};
  if (verb == "run") return {"run", "--detach", "--bundle", box.bundle.path(), box.id()};
  if (verb == "exec") return {"exec", "--detach", box.id(), "/probe", "wait"};
  if (verb == "delete") return {"delete", "--force", box.id()};
  return {verb, box.id()};
}

// How long the verb takes when nobody disturbs it.
double duration(const std::string& verb) {
  Sandbox box;
  Arguments call = prepare(box, verb);
  double start = now();
  Finished f = box.runtime(call);
  INFO(f.err);
  REQUIRE(f.code == 0);
  return now() - start;
}

// Kills the verb at a random moment; whether the signal came before its end.
bool kill_once(const std::string& verb, double delay, unsigned round) {
  Sandbox box;
  Arguments call = prepare(box, verb);
  Process runtime = box.spawn(call);
  nap(delay);
  runtime.signal(SIGKILL);
  bool in_time = runtime.wait().code == 128 + SIGKILL;
  INFO(verb << " killed after " << delay * 1e3 << " ms, round " << round << " of SHOJI_SEED=" << seed());
  Finished removed = box.remove({"--force"});
  CHECK(removed.err == "");
  CHECK(removed.code == 0);
  eventually([&] { return box.leftovers().empty(); }, 1);
  CHECK(box.leftovers() == "");
  return in_time;
}

// Until enough signals came in time. On a busy machine the first measure of the verb may be far off: the window
// follows what is seen.
void kill_at_random_moments(const std::string& verb) {
  std::mt19937 random(seed());
  double window = duration(verb) * 1.2;
  unsigned killed = 0;
  for (unsigned round = 0; killed < rounds(8) && round < rounds(8) * 6; round++) {
    bool in_time = kill_once(verb, std::uniform_real_distribution<double>(0, window)(random), round);
    killed += in_time ? 1 : 0;
    window *= in_time ? 1.1 : 0.8;
  }
  CHECK(killed >= rounds(8) / 2);  // else the signals came too late to test anything
}

}  // namespace

TEST_CASE("kill -9 during create", "[fault][beyond-runc]") {
  kill_at_random_moments("create");
}
TEST_CASE("kill -9 during start", "[fault][beyond-runc]") {
  kill_at_random_moments("start");
}
TEST_CASE("kill -9 during run", "[fault][beyond-runc]") {
  kill_at_random_moments("run");
}
TEST_CASE("kill -9 during exec", "[fault][beyond-runc]") {
  kill_at_random_moments("exec");
}
TEST_CASE("kill -9 during delete", "[fault][beyond-runc]") {
  kill_at_random_moments("delete");
}
TEST_CASE("kill -9 during pause, and delete of what may be frozen", "[fault][beyond-runc]") {
  kill_at_random_moments("pause");
}

TEST_CASE("kill -9 of a foreground run leaves a container that delete --force ends", "[fault]") {
  Sandbox box;
  box.bundle.probe("echo up , wait");
  Process runtime = box.spawn_run();
  REQUIRE(eventually([&] { return runtime.out() == containing("up"); }));
  runtime.signal(SIGKILL);
  runtime.wait();
  CHECK(box.status() == "running");
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
}

TEST_CASE("a container whose first process was killed from outside is stopped and can be deleted",
          "[fault]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  ::kill(box.pid(), SIGKILL);
  CHECK(box.becomes("stopped"));
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("a created container whose waiting process was killed is stopped", "[fault]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  ::kill(box.pid(), SIGKILL);
  CHECK(box.becomes("stopped"));
  Finished f = box.start();
  CHECK(f.code == 1);
  CHECK(f.err == saying("stopped"));
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("delete --force works when the bundle is gone", "[fault]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  REQUIRE(rename(box.bundle.path().c_str(), (box.scratch() + "/moved").c_str()) == 0);
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
}

TEST_CASE("delete works when the cgroup is gone already", "[fault]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  remove_cgroups_named(box.id());
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("damaged state is one sentence, and delete --force removes it", "[fault][beyond-runc]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  std::string file = box.state_dir() + "/" + box.id() + "/state.json";
  REQUIRE(access(file.c_str(), F_OK) == 0);
  write_text(file, "{\"half");
  Finished f = box.runtime({"state", box.id()});
  CHECK(f.code == 1);
  CHECK(one_sentence(f));
  CHECK(box.remove({"--force"}).code == 0);
}

TEST_CASE("ids of processes that others reuse are not mistaken for ours", "[fault][beyond-runc]") {
  // The recorded pid now belongs to somebody else: the start time tells.
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Process stranger({.argv = {"/bin/sleep", "60"}});
  std::string pid = std::to_string(stranger.pid());
  std::string file = box.state_dir() + "/" + box.id() + "/state.json";
  std::string text = read_text(file);
  size_t at = text.find("\"pid\"");
  REQUIRE(at != std::string::npos);
  size_t begin = text.find_first_of("0123456789", at), end = text.find_first_not_of("0123456789", begin);
  write_text(file, text.replace(begin, end - begin, pid));
  CHECK(box.status() == "stopped");
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(stranger.running());
}

TEST_CASE("kill -9 while a hook takes its time leaves neither lock nor hook", "[fault][beyond-runc]") {
  for (const char* hook : {"createRuntime", "createContainer"}) {
    Sandbox box;
    std::string file = box.scratch() + "/in-the-hook";
    box.bundle.add("/hooks/" + std::string(hook),
                   R"({"path": "/bin/sh", "args": ["sh", "-c", "echo > )" + file + R"(; exec sleep 50"]})");
    box.bundle.probe("wait").save();
    Process runtime = box.spawn({"create", "--bundle", box.bundle.path(), box.id()});
    INFO(hook);
    REQUIRE(eventually([&] { return !read_text(file).empty(); }));
    runtime.signal(SIGKILL);
    runtime.wait();
    Finished removed = box.remove({"--force"});
    CHECK(removed.err == "");
    CHECK(removed.code == 0);
    eventually([&] { return box.leftovers().empty(); }, 1);
    CHECK(box.leftovers() == "");
  }
}
