// `run`: one command from bundle to exit code.
#include <signal.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("run gives back the program's exit code and leaves nothing", "[run]") {
  Sandbox box;
  box.bundle.probe("exit 7");
  CHECK(box.run().code == 7);
  CHECK(box.leftovers().empty());
}

TEST_CASE("run gives 128 + N for a program that signal N ended", "[run]") {
  Sandbox box;
  // Signal N of the program itself would be ignored by a pid 1: it shares the host's pid namespace here.
  box.bundle.drop_namespace("pid").probe("kill-self TERM");
  CHECK(box.run().code == 128 + SIGTERM);
}

TEST_CASE("run passes stdin, stdout and stderr through", "[run]") {
  Sandbox box;
  box.bundle.probe("stdin , stderr complaint").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.input = "some input\n";
  Finished f = run_command(c);
  CHECK(f.out == "some input\nstdin=11 bytes\n");
  CHECK(f.err == "complaint\n");
}

TEST_CASE("run forwards signals to the program", "[run]") {
  Sandbox box;
  box.bundle.probe("trap HUP USR1 , exit-on TERM 5");
  Process runtime = box.spawn_run();
  REQUIRE(eventually([&] { return runtime.out() == containing("ready"); }));
  runtime.signal(SIGHUP);
  CHECK(eventually([&] { return runtime.out() == containing("got HUP"); }));
  runtime.signal(SIGUSR1);
  CHECK(eventually([&] { return runtime.out() == containing("got USR1"); }));
  runtime.signal(SIGTERM);
  CHECK(runtime.wait().code == 5);
}

TEST_CASE("run --detach returns while the program goes on", "[run]") {
  Sandbox box;
  box.bundle.probe("echo up , wait");
  Finished f = box.run({"--detach"});
  CHECK(f.code == 0);
  CHECK(box.status() == "running");
  CHECK(box.kill("KILL").code == 0);
  CHECK(box.becomes("stopped"));
  CHECK(box.remove().code == 0);
}

TEST_CASE("run -d is run --detach, and writes the pid file", "[run]") {
  Sandbox box;
  box.bundle.probe("wait");
  std::string file = box.scratch() + "/pid";
  CHECK(box.run({"-d", "--pid-file=" + file}).code == 0);
  CHECK(read_text(file) == std::to_string(box.pid()));
}

TEST_CASE("run --keep leaves a stopped container to be looked at", "[run]") {
  Sandbox box;
  box.bundle.probe("exit 6");
  CHECK(box.run({"--keep"}).code == 6);
  CHECK(box.status() == "stopped");
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("run reports a missing program and leaves nothing", "[run]") {
  Sandbox box;
  box.bundle.args({"/no/such/program"});
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/no/such/program"));
  CHECK(f.err == saying("no such file or directory"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("create already reports a missing program", "[run]") {
  Sandbox box;
  box.bundle.args({"nothing-on-the-path"});
  Finished f = box.create();
  CHECK(f.code == 1);
  // podman turns this phrase into its exit code 127.
  CHECK(f.err == saying("executable file not found in $PATH"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a file that may not be executed is reported with permission denied", "[run]") {
  Sandbox box;
  box.bundle.file("plain", "text", 0644).args({"/plain"});
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("permission denied"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a program is looked up in the container's PATH", "[run]") {
  Sandbox box;
  box.bundle.dir("opt/tools").link("/probe", "opt/tools/looking-glass");
  box.bundle.set("/process/env", R"(["PATH=/nowhere:/opt/tools"])").args({"looking-glass", "echo", "found"});
  CHECK(box.outcome() == "found\n");
}

TEST_CASE("zombies of the container are not the runtime's problem", "[run]") {
  Sandbox box;
  box.bundle.probe("zombie , zombie , zombie , exit 2");
  CHECK(box.run().code == 2);
}

TEST_CASE("run ends when the first process ends, also if others live", "[run]") {
  Sandbox box;
  box.bundle.probe("ignore TERM , child , exit 9");
  CHECK(box.run().code == 9);
  CHECK(box.leftovers().empty());
}

TEST_CASE("run without a pid namespace ends what the program leaves behind", "[run]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("child , exit 9");
  CHECK(box.run().code == 9);
  CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
}
