// Mount destinations that are links, or lie behind links: they stay inside the root.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("a destination behind an absolute link stays inside the root", "[destinations]") {
  Sandbox box;
  box.bundle.dir("real/dir").link("/real", "alias");
  box.bundle.mount("/alias/dir", "tmpfs", "tmpfs", "").probe("vfs /real/dir");
  CHECK(box.outcome() == containing("type=1021994"));
}

TEST_CASE("a destination that is itself a link covers the link's target", "[destinations]") {
  Sandbox box;
  box.bundle.dir("var/run-real").link("../var/run-real", "var/run");
  box.bundle.mount("/var/run", "tmpfs", "tmpfs", "").probe("vfs /var/run-real , lstat /var/run");
  std::string seen = box.outcome();
  CHECK(seen == containing("/var/run-real: type=1021994"));
  CHECK(seen == containing("/var/run: link"));
}

TEST_CASE("links that climb out of the root are held at its top", "[destinations]") {
  Sandbox box;
  std::string outside = box.scratch() + "/outside";
  mkdir(outside.c_str(), 0755);
  box.bundle.link("../../../../../../../../" + outside.substr(1), "escape");
  box.bundle.mount("/escape/made", "tmpfs", "tmpfs", "").probe("vfs " + outside + "/made");
  CHECK(box.outcome() == containing("type=1021994"));
  CHECK(access((outside + "/made").c_str(), F_OK) != 0);
}

TEST_CASE("an absolute link to a directory of the host is taken inside the root", "[destinations]") {
  Sandbox box;
  std::string outside = box.scratch() + "/outside";
  mkdir(outside.c_str(), 0755);
  box.bundle.link(outside, "escape");
  box.bundle.mount("/escape", "tmpfs", "tmpfs", "").probe("vfs " + outside);
  CHECK(box.outcome() == containing("type=1021994"));
  CHECK(box.bundle.exists(outside.substr(1)));
}

TEST_CASE(".. in a destination stays inside the root", "[destinations]") {
  Sandbox box;
  box.bundle.mount("/../../../t", "tmpfs", "tmpfs", "").probe("vfs /t");
  CHECK(box.outcome() == containing("type=1021994"));
}

TEST_CASE("a dangling link in a destination is followed and its target made inside", "[destinations]") {
  Sandbox box;
  box.bundle.link("/not/yet/there", "dangling");
  box.bundle.mount("/dangling", "tmpfs", "tmpfs", "").probe("vfs /not/yet/there");
  CHECK(box.outcome() == containing("type=1021994"));
}

TEST_CASE("a dangling link as the destination of a file is made inside", "[destinations]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "text\n");
  box.bundle.link("/not/there/file", "dangling");
  box.bundle.mount("/dangling", "bind", box.scratch() + "/file", "bind").probe("cat /not/there/file");
  CHECK(box.outcome() == "text\n");
}

TEST_CASE("a loop of links is refused and leaves nothing", "[destinations]") {
  Sandbox box;
  box.bundle.link("/two", "one").link("/one", "two");
  box.bundle.mount("/one/x", "tmpfs", "tmpfs", "").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}

TEST_CASE("a file where a directory is needed is refused by name", "[destinations]") {
  Sandbox box;
  box.bundle.file("blocked", "a file");
  box.bundle.mount("/blocked/dir", "tmpfs", "tmpfs", "").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("blocked"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("proc and sysfs may not be mounted over a link that leads elsewhere", "[destinations]") {
  // CVE-2019-19921, CVE-2023-28642: a /proc that is a link would put the masks and the checks somewhere else.
  for (const char* name : {"proc", "sys"}) {
    Sandbox box;
    box.bundle.dir("elsewhere").link("/elsewhere", name).probe("exit 0");
    Finished f = box.run();
    CHECK(f.code == 1);
    CHECK(f.err == saying("/" + std::string(name)));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("bind mounts below /proc are refused", "[destinations]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  box.bundle.mount("/proc/sys", "bind", box.scratch() + "/data", "bind").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/proc"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a bind source that is a link is followed on the host", "[destinations]") {
  Sandbox box;
  write_text(box.scratch() + "/real", "text\n");
  REQUIRE(symlink((box.scratch() + "/real").c_str(), (box.scratch() + "/alias").c_str()) == 0);
  box.bundle.mount("/file", "bind", box.scratch() + "/alias", "bind").probe("cat /file , lstat /file");
  CHECK(box.outcome() == containing("text\n/file: file"));
}

TEST_CASE("/dev may be reached through a link", "[destinations][beyond-runc]") {
  Sandbox box;
  box.bundle.dir("real-dev").link("/real-dev", "dev").probe("stat /real-dev/null , vfs /real-dev/shm");
  std::string seen = box.outcome();
  CHECK(seen == containing("/real-dev/null: char"));
  CHECK(seen == containing("/real-dev/shm: type=1021994"));
}
