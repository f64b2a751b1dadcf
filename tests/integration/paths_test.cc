// Masked and read-only paths, a read-only root, propagation of the root.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("a masked file reads as empty, a masked directory as an empty one that is read-only", "[paths]") {
  Sandbox box;
  box.bundle.file("secret", "do not show\n").file("dir/secret", "do not show\n");
  box.bundle.set("/linux/maskedPaths", R"(["/secret", "/dir", "/not/there"])");
  box.bundle.probe("cat /secret , ls /dir , write /dir/x y , stat /secret");
  Finished f = box.run();
  CHECK(f.out == "/dir:\nwrite /dir/x: EROFS\n/secret: char 0666 0:0 1:3\n");
  CHECK(!box.bundle.exists("not"));
}

TEST_CASE("the default masks and read-only paths hold", "[paths]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"});
  box.bundle.probe(
      "cat /proc/keys , ls /proc/acpi , ls /sys/firmware , "
      "append /proc/sys/kernel/hostname x");
  Finished f = box.run();
  CHECK(f.out == containing("/proc/acpi:\n/sys/firmware:\n"));
  CHECK(f.out == containing("append /proc/sys/kernel/hostname: EROFS"));
}

TEST_CASE("read-only paths can be read but not written", "[paths]") {
  Sandbox box;
  box.bundle.file("config/file", "text\n").file("open", "text\n").file("single", "text\n");
  box.bundle.set("/linux/readonlyPaths", R"(["/config", "/single", "/not/there"])");
  box.bundle.probe(
      "cat /config/file , write /config/new x , append /config/file x , append /single x , append /open x");
  CHECK(box.run().out ==
        "text\nwrite /config/new: EROFS\nappend /config/file: EROFS\nappend /single: EROFS\n");
}

TEST_CASE("a read-only path covers the mounts below it too", "[paths]") {
  Sandbox box;
  box.bundle.mount("/outer", "tmpfs", "tmpfs", "").set("/linux/readonlyPaths", R"(["/outer"])");
  box.bundle.probe("write /outer/x y");
  CHECK(box.run().out == "write /outer/x: EROFS\n");
}

TEST_CASE("a masked path behind a link is masked inside the root only", "[paths]") {
  Sandbox box;
  write_text(box.scratch() + "/outside", "host\n");
  box.bundle.file("real/secret", "inner\n").link("/real", "alias");
  box.bundle.set("/linux/maskedPaths", R"(["/alias/secret"])").probe("cat /real/secret , echo end");
  CHECK(box.outcome() == "end\n");
}

TEST_CASE("a relative masked path is refused", "[paths][beyond-runc]") {
  Sandbox box;
  box.bundle.set("/linux/maskedPaths", R"(["relative"])");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/linux/maskedPaths/0"));
}

TEST_CASE("a read-only root cannot be written, its mounts can", "[paths]") {
  Sandbox box;
  box.bundle.dir("tmp");
  for (const char* dir : {"proc", "dev", "sys"}) box.bundle.dir(dir);
  box.bundle.set("/root/readonly", "true").mount("/tmp", "tmpfs", "tmpfs", "");
  box.bundle.probe("write /x y , mkdir /d , write /tmp/x y , cat /tmp/x , vfs /");
  Finished f = box.run();
  CHECK(f.out == containing("write /x: EROFS\nmkdir /d: EROFS\ny\n"));
  CHECK(line_of(f.out, "/: type") == containing("flags=ro"));
}

TEST_CASE("a read-only root still gets its missing mount points", "[paths]") {
  Sandbox box;
  box.bundle.set("/root/readonly", "true").probe("vfs /proc");
  CHECK(box.outcome() == containing("type=9fa0"));
}

TEST_CASE("a writable root is written through to the bundle", "[paths]") {
  Sandbox box;
  box.bundle.probe("write /made inside");
  CHECK(box.outcome() == "");
  CHECK(box.bundle.read("made") == "inside");
}

TEST_CASE("the root may be an absolute path or one to be cleaned", "[paths]") {
  Sandbox box;
  box.bundle.probe("echo ok");
  for (const std::string& path : {box.bundle.rootfs(), std::string("./rootfs/../rootfs")}) {
    box.bundle.set("/root/path", json_string(path));
    CHECK(box.outcome() == "ok\n");
  }
}

TEST_CASE("a missing root is refused by name and leaves nothing", "[paths]") {
  Sandbox box;
  box.bundle.set("/root/path", "\"not-there\"");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("not-there"));
  CHECK(f.err == saying("no such file or directory"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("the root's propagation is as configured", "[paths][beyond-runc]") {
  struct {
    const char* option;
    const char* seen;
  } const cases[] = {
      {"private", " / rw,relatime - "}, {"shared", " shared:"}, {"unbindable", " unbindable "}};
  for (auto [option, seen] : cases) {
    Sandbox box;
    box.bundle.set("/linux/rootfsPropagation", json_string(option)).probe("cat /proc/self/mountinfo");
    std::string table = box.outcome();
    INFO(option);
    CHECK(table.substr(0, table.find('\n')) == containing(seen));
  }
}

TEST_CASE("an unknown propagation is refused", "[paths]") {
  Sandbox box;
  box.bundle.set("/linux/rootfsPropagation", "\"sideways\"");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("sideways"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("mounts made inside do not reach the host", "[paths]") {
  Sandbox box;
  box.bundle.dir("t").capabilities({"CAP_SYS_ADMIN"}).probe("mount none /t tmpfs , echo mounted , wait");
  box.launch();
  REQUIRE(box.prints("mounted"));
  CHECK(read_text("/proc/self/mountinfo").find(box.scratch()) == std::string::npos);
}

TEST_CASE("the old root cannot be reached", "[paths]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE"});
  // The classic way out of a chroot: without pivot_root it ends in the host's root.
  box.bundle.dir("jail").probe("call chroot /jail , ls ../../../../../../.. , ls /");
  std::string seen = box.outcome();
  CHECK(seen != containing("bin "));
  CHECK(seen != containing(" etc"));
}

TEST_CASE("option --no-pivot works where pivot_root cannot", "[paths]") {
  Sandbox box;
  box.bundle.probe("ls /");
  CHECK(box.outcome({"--no-pivot"}) == "/: dev probe proc sys\n");
}
