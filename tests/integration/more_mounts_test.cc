// Mounts off the beaten track: options nobody has, /dev from elsewhere, nothing at all.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("an option that the file system does not know is refused with its name", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "colour=blue").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/t"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("data options on a bind mount are refused by name", "[mounts][beyond-runc]") {
  Sandbox box;
  box.bundle.mount("/t", "bind", box.scratch(), "bind,size=1m").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("size"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("/dev may be a bind mount of the host's, without devices of our own", "[mounts][devices]") {
  Sandbox box;
  for (const char* path : {"/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"}) box.bundle.drop_mount(path);
  std::string host = read_text("/proc/self/mountinfo");
  box.bundle.mount("/dev", "bind", "/dev", "rbind,rslave")
      .probe("stat /dev/null , write /dev/null x , ls /dev/pts");
  std::string seen = box.outcome();
  CHECK(seen == containing("/dev/null: char 0666 0:0 1:3"));
  CHECK(read_text("/proc/self/mountinfo") == host);
  CHECK(access("/dev/null", W_OK) == 0);
}

TEST_CASE("without a mount on /dev the devices are made in the root itself", "[mounts][devices]") {
  Sandbox box;
  for (const char* path : {"/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"}) box.bundle.drop_mount(path);
  box.bundle.probe("stat /dev/null , stat /dev/zero");
  CHECK(box.outcome() == "/dev/null: char 0666 0:0 1:3\n/dev/zero: char 0666 0:0 1:5\n");
  CHECK(box.outcome() == "/dev/null: char 0666 0:0 1:3\n/dev/zero: char 0666 0:0 1:5\n");
}

TEST_CASE("a container without any mount runs", "[mounts]") {
  Sandbox box;
  box.bundle.set("/mounts", "[]").drop("/linux/maskedPaths").drop("/linux/readonlyPaths");
  box.bundle.dir("proc").probe("echo bare , ids");
  Finished f = box.run();
  // runc insists on /proc for closing descriptors; we do not need it.
  if (!runtime_is_runc()) CHECK(f.out == containing("bare\nuid=0,0,0"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a mount over the root's own top is possible", "[mounts][beyond-runc]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  write_text(box.scratch() + "/data/file", "below\n");
  box.bundle.mount("/a/b/c", "bind", box.scratch() + "/data", "bind,ro").probe("cat /a/b/c/file");
  CHECK(box.outcome() == "below\n");
}

TEST_CASE("the root may be a mount point, a tmpfs, or an overlay", "[mounts]") {
  Sandbox box;
  std::string root = box.bundle.path() + "/other";
  mkdir(root.c_str(), 0755);
  HostMount tmpfs("none", root, "tmpfs", 0);
  REQUIRE(tmpfs.made());
  write_text(root + "/probe", read_text(box.bundle.rootfs() + "/probe"), 0755);
  box.bundle.set("/root/path", "\"other\"").probe("ls /");
  CHECK(box.outcome() == "/: dev probe proc sys\n");
}

TEST_CASE("submounts of the root are seen inside", "[mounts]") {
  Sandbox box;
  box.bundle.dir("data");
  HostMount tmpfs("none", box.bundle.rootfs() + "/data", "tmpfs", 0);
  REQUIRE(tmpfs.made());
  write_text(tmpfs.path() + "/file", "in the submount\n");
  box.bundle.probe("cat /data/file");
  CHECK(box.outcome() == "in the submount\n");
}

TEST_CASE("two mounts on one place: the later one is seen", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "mode=700")
      .mount("/t", "tmpfs", "tmpfs", "mode=711")
      .probe("stat /t");
  CHECK(box.outcome() == containing("/t: dir 07"));
}

TEST_CASE("a remount option changes a mount that is there", "[mounts][beyond-runc]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "")
      .mount("/t", "tmpfs", "tmpfs", "remount,ro")
      .probe("write /t/x y");
  CHECK(box.run().out == "write /t/x: EROFS\n");
}

TEST_CASE("blanks, commas and strange bytes in paths arrive", "[mounts]") {
  Sandbox box;
  std::string name = "a b\t\\040\xe2\x82\xac";
  mkdir((box.scratch() + "/" + name).c_str(), 0755);
  write_text(box.scratch() + "/" + name + "/file", "odd\n");
  box.bundle.mount("/" + name, "bind", box.scratch() + "/" + name, "bind,ro");
  box.bundle.args({"/probe", "cat", "/" + name + "/file"});
  CHECK(box.outcome() == "odd\n");
}

TEST_CASE("a long path is mounted", "[mounts]") {
  Sandbox box;
  std::string deep;
  for (int i = 0; i < 30; i++) deep += "/" + std::string(100, 'd');
  box.bundle.mount(deep, "tmpfs", "tmpfs", "").args({"/probe", "vfs", deep});
  CHECK(box.outcome() == containing("type=1021994"));
}
