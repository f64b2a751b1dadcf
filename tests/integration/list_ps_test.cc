// list and ps: what people and scripts see of containers.
#include <unistd.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("list without containers prints the header alone", "[list]") {
  Sandbox box;
  Finished f = box.runtime({"list"});
  CHECK(f.code == 0);
  CHECK(words(f.out) == Arguments{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
  CHECK(box.runtime({"list", "-q"}).out.empty());
  CHECK(box.runtime({"list", "-f", "json"}).out == "null\n");
}

TEST_CASE("list shows each container on a line", "[list]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  std::string line = line_of(box.runtime({"list"}).out, box.id());
  auto fields = words(line);
  REQUIRE(fields.size() == 6);
  CHECK(fields[1] == std::to_string(box.pid()));
  CHECK(fields[2] == "running");
  CHECK(fields[3] == box.bundle.path());
  CHECK(fields[5] == "root");
}

TEST_CASE("list -q prints ids, --format json an array of states", "[list]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  CHECK(box.runtime({"list", "--quiet"}).out == box.id() + "\n");
  Finished f = box.runtime({"list", "--format", "json"});
  CHECK(json_at(f.out, "/0/id") == box.id());
  CHECK(json_at(f.out, "/0/status") == "stopped");
  CHECK(json_at(f.out, "/0/pid") == "0");
  CHECK(json_at(f.out, "/0/bundle") == box.bundle.path());
  CHECK(json_at(f.out, "/0/owner") == "root");
}

TEST_CASE("list refuses an unknown format", "[list]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  Finished f = box.runtime({"list", "--format", "poem"});
  CHECK(f.code == 1);
  CHECK(f.err == saying("format"));
}

TEST_CASE("list of several containers is sorted by id", "[list]") {
  Sandbox box;
  box.bundle.probe("exit 0").save();
  Arguments ids = {"c" + box.id(), "a" + box.id(), "b" + box.id()};
  for (const auto& id : ids) {
    box.bundle.set("/linux/cgroupsPath", json_string("/" + id)).save();
    CHECK(box.runtime({"run", "--keep", "--bundle", box.bundle.path(), id}).code == 0);
  }
  CHECK(words(box.runtime({"list", "-q"}).out) == Arguments{ids[1], ids[2], ids[0]});
  for (const auto& id : ids) CHECK(box.runtime({"delete", id}).code == 0);
}

TEST_CASE("ps prints the container's processes as ps -ef would", "[ps]") {
  Sandbox box;
  box.bundle.probe("child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  Finished f = box.runtime({"ps", box.id()});
  CHECK(f.code == 0);
  CHECK(f.out.starts_with("UID"));
  CHECK(std::count(f.out.begin(), f.out.end(), '\n') == 3);
  CHECK(f.out == containing(" " + std::to_string(box.pid()) + " "));
  CHECK(f.out == containing("/probe child"));
}

TEST_CASE("ps --format json prints the pids of the host's view", "[ps]") {
  Sandbox box;
  box.bundle.probe("child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  for (const char* flag : {"--format=json", "-f=json"}) {
    Finished f = box.runtime({"ps", flag, box.id()});
    CHECK(f.code == 0);
    CHECK(json_at(f.out, "/0") == std::to_string(box.pid()));
    CHECK(json_at(f.out, "/1") == containing(""));
    CHECK(json_at(f.out, "/1").size() > 0);
    CHECK(json_at(f.out, "/2").empty());
  }
}

TEST_CASE("ps passes further arguments to ps", "[ps]") {
  Sandbox box;
  box.bundle.probe("echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  Finished f = box.runtime({"ps", box.id(), "-o", "pid,args"});
  CHECK(f.code == 0);
  CHECK(words(f.out.substr(0, f.out.find('\n'))) == Arguments{"PID", "COMMAND"});
  CHECK(f.out == containing("/probe echo ready"));
}
