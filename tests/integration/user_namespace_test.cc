// User namespaces: mappings, files, devices and what root inside may do.
#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("ids are mapped as the configuration says", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe("ids , cat /proc/self/uid_map , cat /proc/self/gid_map");
  std::string seen = box.outcome();
  CHECK(seen == containing("uid=0,0,0 gid=0,0,0"));
  CHECK(words(seen.substr(seen.find('\n'))) == Arguments{"0", "100000", "65536", "0", "200000", "65536"});
}

TEST_CASE("files made inside belong to the mapped ids outside", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe("write /made here");
  CHECK(box.outcome() == "");
  struct stat s{};
  REQUIRE(stat((box.bundle.rootfs() + "/made").c_str(), &s) == 0);
  CHECK(s.st_uid == 100000);
  CHECK(s.st_gid == 200000);
}

TEST_CASE("several ranges are mapped", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace();
  box.bundle.set("/linux/uidMappings", R"([{"containerID": 0, "hostID": 100000, "size": 10},
                                           {"containerID": 1000, "hostID": 300000, "size": 1}])");
  box.bundle.set("/process/user", R"({"uid": 1000, "gid": 5})").probe("ids , cat /proc/self/uid_map");
  std::string seen = box.outcome();
  CHECK(seen == containing("uid=1000,1000,1000 gid=5,5,5"));
  CHECK(words(seen.substr(seen.find('\n'))) == Arguments{"0", "100000", "10", "1000", "300000", "1"});
}

TEST_CASE("a user namespace without mappings is refused", "[userns]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "user"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("mapping"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("mappings without a user namespace are refused", "[userns][beyond-runc]") {
  Sandbox box;
  box.bundle.add("/linux/uidMappings", R"({"containerID": 0, "hostID": 100000, "size": 10})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("namespace"));
}

TEST_CASE("a user that is not mapped is refused", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().set("/process/user/uid", "70000");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}

TEST_CASE("the default devices work in a user namespace", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe(
      "stat /dev/null , open /dev/null rw , open /dev/zero r , open /dev/urandom r , open /dev/tty rw , "
      "lstat /dev/fd");
  std::string seen = box.run().out;
  CHECK(line_of(seen, "/dev/null:") == containing(" char 0666 "));
  CHECK(line_of(seen, "/dev/null:") == containing(" 1:3"));
  CHECK(seen == containing("open /dev/null: ok\nopen /dev/zero: ok\nopen /dev/urandom: ok\n"));
  CHECK(seen == containing("/dev/fd: link"));
}

TEST_CASE("proc, sysfs and masked paths work in a user namespace", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe(
      "vfs /proc , vfs /sys , ls /proc/acpi , cat /proc/keys , append /proc/sys/vm/swappiness 1");
  Finished f = box.run();
  CHECK(f.out == containing("/proc: type=9fa0"));
  CHECK(f.out == containing("/sys: type=62656572"));
  CHECK(f.out == containing("append /proc/sys/vm/swappiness: E"));
  CHECK(f.code == 1);
}

TEST_CASE("with the host's network sysfs is still there in a user namespace", "[userns][beyond-runc]") {
  // A new sysfs needs ownership of the network namespace: the runtime has to bind the host's.
  Sandbox box;
  box.bundle.user_namespace().drop_namespace("network").probe("ls /sys/kernel");
  CHECK(box.outcome() == containing("mm"));
}

TEST_CASE("stdio belongs to the container's user", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().set("/process/user", R"({"uid": 7, "gid": 8})");
  box.bundle.probe("write /dev/stdout reopened");
  CHECK(box.outcome() == containing("reopened"));
}

TEST_CASE("root inside has every capability asked for, and none over the host", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().capabilities({"CAP_SYS_ADMIN", "CAP_MKNOD"});
  box.bundle.probe("status CapEff , mknod /node 1 3 , call sethostname /mine 5 , names");
  Finished f = box.run();
  CHECK(f.out == containing("CapEff: 0000000008200000"));
  CHECK(f.out == containing("mknod /node: EPERM"));
  CHECK(f.out == containing("hostname=/mine"));
}

TEST_CASE("exec enters the user namespace", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe("wait");
  box.launch();
  Finished f = box.exec("ids , ns user");
  CHECK(f.out == "uid=0,0,0 gid=0,0,0 groups=\n" + namespace_of(box.pid(), "user") + "\n");
  CHECK(box.exec("ids", {"--user", "3:4"}).out == containing("uid=3,3,3 gid=4,4,4"));
}

TEST_CASE("a user namespace is joined by path", "[userns][beyond-runc]") {
  Sandbox first, second;
  first.bundle.user_namespace().probe("wait");
  first.launch();
  std::string path = "/proc/" + std::to_string(first.pid()) + "/ns/user";
  second.bundle.user_namespace();
  second.bundle.drop_namespace("user").add("/linux/namespaces",
                                           R"({"type": "user", "path": ")" + path + "\"}");
  second.bundle.drop("/linux/uidMappings").drop("/linux/gidMappings").probe("ns user");
  CHECK(second.outcome() == namespace_of(first.pid(), "user") + "\n");
}

TEST_CASE("mount, cgroup and user namespaces together", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace()
      .add("/linux/namespaces", R"({"type": "cgroup"})")
      .probe("cat /proc/self/cgroup , ids");
  std::string seen = box.outcome();
  CHECK(seen == containing(":/\n"));
  CHECK(seen != containing(box.id()));
}

TEST_CASE("a terminal-less stop and delete work in a user namespace", "[userns]") {
  Sandbox box;
  box.bundle.user_namespace().probe("exit-on TERM 0");
  box.launch();
  REQUIRE(box.prints("ready"));
  CHECK(box.kill("TERM").code == 0);
  CHECK(box.becomes("stopped"));
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}
