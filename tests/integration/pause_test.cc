// pause and resume.
#include <signal.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("a paused program makes no step until it is resumed", "[pause]") {
  Sandbox box;
  box.bundle.probe("wait-for /go , echo went , wait");
  box.launch();
  CHECK(box.runtime({"pause", box.id()}).code == 0);
  CHECK(box.status() == "paused");
  box.bundle.file("go", "");
  nap(0.05);  // it polls every millisecond
  CHECK(box.output().empty());
  CHECK(box.runtime({"resume", box.id()}).code == 0);
  CHECK(box.prints("went"));
  CHECK(box.status() == "running");
}

TEST_CASE("pause refuses what is not running", "[pause]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  Finished f = box.runtime({"pause", box.id()});
  CHECK(f.code == 1);
  CHECK(f.err == saying("not running"));
}

TEST_CASE("resume refuses what is not paused", "[pause]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  Finished f = box.runtime({"resume", box.id()});
  CHECK(f.code == 1);
  CHECK(f.err == saying("not paused"));
}

TEST_CASE("a paused container refuses exec, start and delete", "[pause]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  REQUIRE(box.runtime({"pause", box.id()}).code == 0);
  Finished exec = box.exec("echo no");
  CHECK(exec.code == 255);
  CHECK(exec.err == saying("paused"));
  CHECK(box.start().code == 1);
  Finished removed = box.remove();
  CHECK(removed.code == 1);
  CHECK(removed.err == saying("paused"));
  CHECK(box.status() == "paused");
}

TEST_CASE("kill -9 and delete --force get through to a paused container", "[pause]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  REQUIRE(box.runtime({"pause", box.id()}).code == 0);
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
}

TEST_CASE("a signal to a paused container arrives after resume", "[pause]") {
  Sandbox box;
  box.bundle.probe("exit-on TERM 5");
  box.launch();
  REQUIRE(box.prints("ready"));
  REQUIRE(box.runtime({"pause", box.id()}).code == 0);
  CHECK(box.kill("TERM").code == 0);
  CHECK(box.status() == "paused");
  CHECK(box.runtime({"resume", box.id()}).code == 0);
  CHECK(box.exit_code() == 5);
}

TEST_CASE("exec --ignore-paused waits for resume", "[pause]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  REQUIRE(box.runtime({"pause", box.id()}).code == 0);
  Process exec = box.spawn({"exec", "--ignore-paused", box.id(), "/probe", "echo", "late"});
  nap(0.05);
  CHECK(exec.out().empty());
  CHECK(box.runtime({"resume", box.id()}).code == 0);
  CHECK(exec.wait().out == "late\n");
}
