// create, start, state, kill, delete: what each does in each state of a container.
#include <signal.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("the program does not run before start", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("echo hello , wait");
  Finished created = box.create();
  REQUIRE(created.code == 0);
  CHECK(created.err.empty());
  CHECK(box.status() == "created");
  CHECK(box.output().empty());
  CHECK(box.start().code == 0);
  CHECK(box.prints("hello"));
  CHECK(box.status() == "running");
}

TEST_CASE("a container whose program has ended is stopped until it is deleted", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("exit 3");
  box.launch();
  CHECK(box.exit_code() == 3);
  CHECK(box.status() == "stopped");
  CHECK(box.state("/pid") == "0");
  CHECK(box.remove().code == 0);
  CHECK(box.runtime({"state", box.id()}).code == 1);
  CHECK(box.leftovers().empty());
}

TEST_CASE("an unreaped zombie counts as stopped", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  CHECK(eventually([&] { return box.status() == "stopped"; }));
}

TEST_CASE("state prints the facts in runc's order", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait").set("/annotations", R"({"com.example.one": "1"})");
  box.launch();
  Finished f = box.runtime({"state", box.id()});
  REQUIRE(f.code == 0);
  CHECK(json_at(f.out, "/id") == box.id());
  CHECK(json_at(f.out, "/bundle") == box.bundle.path());
  CHECK(json_at(f.out, "/rootfs") == box.bundle.rootfs());
  CHECK(json_at(f.out, "/status") == "running");
  CHECK(json_at(f.out, "/annotations/com.example.one") == "1");
  CHECK(json_at(f.out, "/owner") == "");
  CHECK(json_at(f.out, "/ociVersion").substr(0, 2) == "1.");
  size_t last = 0;
  for (const char* key :
       {"ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"}) {
    size_t at = f.out.find("\n  \"" + std::string(key) + "\": ");
    INFO(key << " in " << f.out);
    CHECK(at != std::string::npos);
    CHECK((last == 0 || at > last));
    last = at;
  }
  // RFC 3339 with nanoseconds and Z: go-runc parses it.
  std::string created = json_at(f.out, "/created");
  CHECK(created.size() >= 20);
  CHECK(created[10] == 'T');
  CHECK(created.back() == 'Z');
}

TEST_CASE("state's pid is the program's first process", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("echo up , wait");
  box.launch();
  REQUIRE(box.prints("up"));
  CHECK(read_text("/proc/" + std::to_string(box.pid()) + "/cmdline").starts_with("/probe"));
}

TEST_CASE("the pid file holds the pid alone", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  std::string file = box.scratch() + "/pid";
  box.launch({"--pid-file", file});
  CHECK(read_text(file) == std::to_string(box.pid()));
}

TEST_CASE("a relative pid file is relative to the caller's directory", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait").save();
  Command c = box.command({"create", "--bundle", "b", "--pid-file", "the.pid", box.id()});
  c.cwd = box.scratch();
  Process creator = box.spawn({"--version"});
  CHECK(run_command(c).code == 0);
  CHECK(read_text(box.scratch() + "/the.pid") == std::to_string(box.pid()));
}

TEST_CASE("the bundle is the current directory by default", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("echo here").save();
  Command c = box.command({"run", box.id()});
  c.cwd = box.bundle.path();
  CHECK(run_command(c).out == "here\n");
}

TEST_CASE("kill sends TERM by default, and any signal by name or number", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("trap TERM HUP USR1 USR2 RTMIN , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  CHECK(box.runtime({"kill", box.id()}).code == 0);
  CHECK(box.prints("got TERM"));
  CHECK(box.kill("HUP").code == 0);
  CHECK(box.prints("got HUP"));
  CHECK(box.kill("SIGUSR1").code == 0);
  CHECK(box.prints("got USR1"));
  CHECK(box.kill("12").code == 0);
  CHECK(box.prints("got USR2"));
  CHECK(box.kill("9").code == 0);
  CHECK(box.exit_code() == 128 + SIGKILL);
}

TEST_CASE("kill of a created container ends it", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  CHECK(box.kill("KILL").code == 0);
  CHECK(box.becomes("stopped"));
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("kill --all reaches every process of the container", "[lifecycle]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  CHECK(box.runtime({"kill", "--all", box.id(), "KILL"}).code == 0);
  CHECK(box.exit_code() == 128 + SIGKILL);
  CHECK(eventually([] { return reap_orphans(), living_children().empty(); }));
}

TEST_CASE("kill refuses an unknown signal and leaves the program alone", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.kill("NONSENSE");
  CHECK(f.code == 1);
  CHECK(f.err == saying("NONSENSE"));
  CHECK(box.status() == "running");
}

TEST_CASE("kill of a stopped container says that it is not running", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Finished f = box.kill("TERM");
  CHECK(f.code == 1);
  CHECK(f.err == saying("not running"));
}

TEST_CASE("delete refuses a running container", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.remove();
  CHECK(f.code == 1);
  CHECK(f.err == saying("running"));
  CHECK(box.status() == "running");
}

TEST_CASE("delete of a created container removes it, as runc does", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  Finished f = box.remove();
  CHECK(f.err == "");
  CHECK(f.code == 0);
  CHECK(eventually([&] { return box.leftovers().empty(); }));
}

TEST_CASE("delete --force kills what runs and removes everything", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("ignore TERM HUP INT , child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  Finished f = box.remove({"--force"});
  CHECK(f.err == "");
  CHECK(f.code == 0);
  CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
}

TEST_CASE("delete --force ends every process when the pid namespace is the host's", "[lifecycle]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("child , child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  CHECK(box.remove({"-f"}).code == 0);
  CHECK(eventually([] { return reap_orphans(), living_children().empty(); }, 1));
}

TEST_CASE("delete --force of an unknown id is harmless", "[lifecycle]") {
  Sandbox box;
  CHECK(box.runtime({"delete", "--force", "never-created"}).code == 0);
  CHECK(box.runtime({"delete", "-f", "never-created"}).code == 0);
}

TEST_CASE("start refuses a running and a stopped container", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("exit-on TERM 0");
  box.launch();
  REQUIRE(box.prints("ready"));
  Finished again = box.start();
  CHECK(again.code == 1);
  CHECK(again.err == saying("running"));
  CHECK(box.kill("TERM").code == 0);
  REQUIRE(box.becomes("stopped"));
  Finished late = box.start();
  CHECK(late.code == 1);
  CHECK(late.err == saying("stopped"));
}

TEST_CASE("create refuses an id that is taken, and the first container goes on", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.runtime({"create", "--bundle", box.bundle.path(), box.id()});
  CHECK(f.code == 1);
  CHECK(f.err == saying("exist"));
  CHECK(box.status() == "running");
}

TEST_CASE("every verb says that an unknown id does not exist", "[lifecycle]") {
  Sandbox box;
  for (const Arguments& verb :
       {Arguments{"state"}, {"start"}, {"kill"}, {"delete"}, {"pause"}, {"resume"}, {"ps"}}) {
    Arguments all = verb;
    all.push_back("never-created");
    Finished f = box.runtime(all);
    INFO(verb[0]);
    CHECK(f.code == 1);
    CHECK(f.err == saying("does not exist"));
    CHECK(f.out.empty());
  }
  Finished f = box.runtime({"exec", "never-created", "/probe"});
  CHECK(f.code == 255);
  CHECK(f.err == saying("does not exist"));
}

TEST_CASE("two containers with different ids live side by side", "[lifecycle]") {
  Sandbox one, two;
  one.bundle.probe("echo up , wait");
  two.bundle.probe("echo up , wait");
  one.launch();
  two.launch();
  CHECK(one.remove({"--force"}).code == 0);
  CHECK(two.status() == "running");
}

TEST_CASE("an id can be used again after delete", "[lifecycle]") {
  Sandbox box;
  box.bundle.probe("exit 4");
  CHECK(box.run().code == 4);
  CHECK(box.run().code == 4);
}
