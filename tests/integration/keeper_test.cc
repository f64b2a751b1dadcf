// Keepers of real containers.
#include "runtime/keeper/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/pidfd.h"
#include "runtime/keeper/control.h"
#include "runtime/keeper/log_reader.h"
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;
using shoji::ask_keeper;
using shoji::PartitionDefinition;
using shoji::PartitionStore;
using shoji::RestartPolicy;

namespace {

// A partition whose keepers are children of this test.
struct Kept {
  Sandbox box;
  PartitionStore store{box.scratch() + "/root", box.scratch() + "/run"};
  PartitionDefinition definition;
  pid_t keeper = -1;

  Kept() {
    definition.id = box.id();
    definition.document.name = "web";
    definition.document.rootfs = "/";
  }
  ~Kept() {
    if (keeper > 0) {
      ask("stop KILL 0");
      kill(keeper, SIGKILL);
      waitpid(keeper, nullptr, 0);
    }
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  void define() {
    box.bundle.save();
    auto locked = store.reserve("web");
    REQUIRE(locked);
    REQUIRE(store.save(*locked, definition));
    REQUIRE(shoji::make_directories(store.run_directory("web"), 0700));
    REQUIRE(symlink(box.bundle.path().c_str(), (store.run_directory("web") + "/bundle").c_str()) == 0);
  }
  // What the keeper said about its start.
  std::string keep() {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    keeper = fork();
    REQUIRE(keeper >= 0);
    if (keeper == 0) {
      close(ends[0]);
      auto kept = shoji::keep_partition({.store = store,
                                         .state = box.state_dir(),
                                         .name = "web",
                                         .cleanup = {"/bin/touch", box.scratch() + "/cleaned"},
                                         .report = ends[1]});
      _exit(kept ? 0 : 1);
    }
    close(ends[1]);
    std::string said;
    char letter = 0;
    while (read(ends[0], &letter, 1) == 1) {
      said += letter;
      if (letter == '\n') break;
    }
    close(ends[0]);
    return said;
  }
  int keeper_ends() {
    int status = 0;
    waitpid(keeper, &status, 0);
    keeper = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void kill_keeper() {
    REQUIRE(kill(keeper, SIGKILL) == 0);
    keeper_ends();
  }
  std::string ask(std::string_view words) {
    auto answer = ask_keeper(store.run_directory("web") + "/control", words);
    return answer ? *answer : answer.error().text;
  }
  std::string log() {
    std::string out;
    auto read = shoji::read_log(
        store.directory("web"), {},
        [&](const shoji::LogLine& line) {
          out += line.text;
          return true;
        },
        [] { return true; });
    return read ? out : read.error().text;
  }
  [[nodiscard]] bool logs(std::string_view text) {
    return eventually([&] { return log().contains(text); });
  }
  [[nodiscard]] bool cleaned() const { return access((box.scratch() + "/cleaned").c_str(), F_OK) == 0; }
};

}  // namespace

TEST_CASE("a keeper runs the program, writes its log, and tells its end", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("echo hello , stderr complaint , exit 7");
  kept.define();
  CHECK(kept.keep() == "ok\n");
  CHECK(kept.keeper_ends() == 0);
  CHECK(kept.log() == "hello\ncomplaint\n");
  auto exit = kept.store.load_exit("web").value();
  REQUIRE(exit);
  CHECK(exit->code == 7);
  CHECK(exit->reason == "exited with 7");
  CHECK(exit->finished >= exit->started);
  CHECK(kept.cleaned());
  CHECK_FALSE(kept.store.load_run("web").value());
  CHECK(kept.box.leftovers().empty());
}

TEST_CASE("a keeper says why a program cannot be started", "[keeper]") {
  Kept kept;
  kept.box.bundle.args({"/no/such/program"});
  kept.define();
  CHECK(kept.keep().contains("/no/such/program"));
  CHECK(kept.keeper_ends() == 1);
  CHECK_FALSE(kept.store.load_run("web").value());
  CHECK(kept.box.leftovers().empty());
}

TEST_CASE("a keeper starts a failed program again, as often as it may", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("echo again , exit 3");
  kept.definition.document.restart = {.policy = RestartPolicy::kOnFailure, .retries = 2, .delay = 10};
  kept.define();
  CHECK(kept.keep() == "ok\n");
  CHECK(kept.keeper_ends() == 0);
  CHECK(kept.log() == "again\nagain\nagain\n");
  CHECK(kept.box.leftovers().empty());
}

TEST_CASE("a stopped partition stays down, one that does not listen is killed", "[keeper]") {
  for (bool listens : {true, false}) {
    Kept kept;
    kept.box.bundle.probe(listens ? "exit-on TERM 5" : "ignore TERM , echo ready , wait");
    kept.definition.document.restart.policy = RestartPolicy::kAlways;
    kept.define();
    CHECK(kept.keep() == "ok\n");
    REQUIRE(kept.logs("ready"));
    CHECK(kept.ask("ping") == "ok");
    CHECK(kept.ask("dance") == "this keeper does not know \"dance\"");
    CHECK(kept.ask("stop SIGTERM 200") == "ok");
    CHECK(kept.keeper_ends() == 0);
    CHECK(kept.store.load_exit("web").value()->code == (listens ? 5 : 137));
    CHECK(kept.cleaned());
    CHECK(kept.box.leftovers().empty());
  }
}

TEST_CASE("a restarted partition runs anew", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("exit-on TERM 0");
  kept.define();
  CHECK(kept.keep() == "ok\n");
  REQUIRE(kept.logs("ready"));
  pid_t before = kept.store.load_run("web").value()->pid;
  CHECK(kept.ask("restart TERM 5000") == "ok");
  auto run = kept.store.load_run("web").value();
  CHECK(run->pid != before);
  CHECK(run->restarts == 0);
  CHECK(kept.ask("stop KILL 0") == "ok");
  CHECK(kept.keeper_ends() == 0);
}

TEST_CASE("a partition has one keeper", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("exit-on TERM 0");
  kept.define();
  CHECK(kept.keep() == "ok\n");
  pid_t first = kept.keeper;
  CHECK(kept.keep() == "partition \"web\" has a keeper\n");
  CHECK(kept.keeper_ends() == 1);
  kept.keeper = first;
  CHECK(kept.ask("stop TERM 5000") == "ok");
}

TEST_CASE("a killed keeper loses neither the program nor its lines", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("trap USR1 , exit-on TERM 9");
  kept.define();
  CHECK(kept.keep() == "ok\n");
  REQUIRE(kept.logs("ready"));
  pid_t program = kept.store.load_run("web").value()->pid;
  kept.kill_keeper();
  CHECK(kept.ask("ping").contains("nobody keeps it"));
  REQUIRE(kill(program, SIGUSR1) == 0);  // it writes a line while nobody reads
  usleep(20'000);
  CHECK(kept.keep() == "ok\n");
  CHECK(kept.store.load_run("web").value()->pid == program);
  CHECK(kept.logs("got USR1"));
  CHECK(kept.ask("stop TERM 5000") == "ok");
  CHECK(kept.keeper_ends() == 0);
  CHECK(kept.store.load_exit("web").value()->code == 9);
  CHECK(kept.box.leftovers().empty());
}

TEST_CASE("the end of a program is known though nobody kept it", "[keeper]") {
  Kept kept;
  kept.box.bundle.probe("exit-on TERM 6");
  kept.define();
  CHECK(kept.keep() == "ok\n");
  REQUIRE(kept.logs("ready"));
  pid_t program = kept.store.load_run("web").value()->pid;
  kept.kill_keeper();
  REQUIRE(kill(program, SIGTERM) == 0);
  // Whoever inherits it may be slow to reap it.
  REQUIRE(eventually([&] {
    auto facts = shoji::process_facts(program);
    return !facts || facts->state == 'Z';
  }));
  CHECK(kept.keep() == "ok\n");
  CHECK(kept.keeper_ends() == 0);
  CHECK(kept.store.load_exit("web").value()->code == 6);
  CHECK(kept.cleaned());
  CHECK(kept.box.leftovers().empty());
}
