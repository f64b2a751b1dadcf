// The default devices, linux.devices, and what the device cgroup lets through.
#include <sys/sysmacros.h>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("the default devices are there and work", "[devices]") {
  Sandbox box;
  box.bundle.probe(
      "stat /dev/null , stat /dev/zero , stat /dev/full , stat /dev/random , stat /dev/urandom , stat "
      "/dev/tty , "
      "open /dev/null rw , open /dev/zero r , open /dev/full r , open /dev/random r , open /dev/urandom r , "
      "write /dev/full x");
  Finished f = box.run();
  CHECK(f.out ==
        "/dev/null: char 0666 0:0 1:3\n/dev/zero: char 0666 0:0 1:5\n/dev/full: char 0666 0:0 1:7\n"
        "/dev/random: char 0666 0:0 1:8\n/dev/urandom: char 0666 0:0 1:9\n/dev/tty: char 0666 0:0 5:0\n"
        "open /dev/null: ok\nopen /dev/zero: ok\nopen /dev/full: ok\nopen /dev/random: ok\nopen "
        "/dev/urandom: ok\n"
        "write /dev/full: ENOSPC\n");
}

TEST_CASE("the standard links of /dev are there", "[devices]") {
  Sandbox box;
  box.bundle.probe(
      "readlink /dev/fd , readlink /dev/stdin , readlink /dev/stdout , readlink /dev/stderr , "
      "readlink /dev/ptmx");
  CHECK(box.outcome() ==
        "/dev/fd -> /proc/self/fd\n/dev/stdin -> /proc/self/fd/0\n/dev/stdout -> /proc/self/fd/1\n"
        "/dev/stderr -> /proc/self/fd/2\n/dev/ptmx -> pts/ptmx\n");
}

TEST_CASE("nothing else is in /dev", "[devices]") {
  Sandbox box;
  box.bundle.probe("ls /dev");
  std::string core = access("/proc/kcore", F_OK) == 0 ? "core " : "";  // runc links it where the host has it
  CHECK(box.outcome() ==
        "/dev: " + core + "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n");
}

TEST_CASE("configured devices are made with mode and owner", "[devices]") {
  Sandbox box;
  box.bundle.set("/linux/devices", R"([
    {"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 416, "uid": 5, "gid": 6},
    {"path": "/dev/deep/disk", "type": "b", "major": 7, "minor": 0, "fileMode": 432},
    {"path": "/dev/pipe", "type": "p", "fileMode": 438},
    {"path": "/elsewhere/unbuffered", "type": "u", "major": 1, "minor": 5, "fileMode": 438}])");
  box.bundle.probe("stat /dev/mine , stat /dev/deep/disk , stat /dev/pipe , stat /elsewhere/unbuffered");
  CHECK(box.outcome() ==
        "/dev/mine: char 0640 5:6 1:3\n/dev/deep/disk: block 0660 0:0 7:0\n/dev/pipe: fifo 0666 0:0\n"
        "/elsewhere/unbuffered: char 0666 0:0 1:5\n");
}

TEST_CASE("the umask of the caller does not touch device modes", "[devices]") {
  Sandbox box;
  box.bundle.set("/linux/devices",
                 R"([{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 438}])");
  box.bundle.probe("stat /dev/mine , stat /dev/null");
  mode_t old = umask(077);
  std::string seen = box.outcome();
  umask(old);
  CHECK(seen == "/dev/mine: char 0666 0:0 1:3\n/dev/null: char 0666 0:0 1:3\n");
}

TEST_CASE("a configured device may replace a default one", "[devices]") {
  Sandbox box;
  box.bundle.set(
      "/linux/devices",
      R"([{"path": "/dev/tty", "type": "c", "major": 5, "minor": 0, "fileMode": 384, "uid": 9, "gid": 9}])");
  box.bundle.probe("stat /dev/tty");
  CHECK(box.outcome() == "/dev/tty: char 0600 9:9 5:0\n");
}

TEST_CASE("a bad device type or path is refused", "[devices]") {
  for (const char* device : {R"({"path": "/dev/x", "type": "z", "major": 1, "minor": 3})",
                             R"({"path": "/dev/x", "type": "", "major": 1, "minor": 3})"}) {
    Sandbox box;
    box.bundle.add("/linux/devices", device);
    Finished f = box.run();
    INFO(device);
    CHECK(f.code == 1);
    CHECK(!f.err.empty());
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a device that is not allowed cannot be opened or made", "[devices][cgroups]") {
  if (controller_version("devices") == 0 && controller_version("") == 0) return;
  Sandbox box;
  // 1:11 is /dev/kmsg: in no rule that the runtime adds, and opened by whoever has CAP_SYSLOG.
  box.bundle.set("/linux/devices",
                 R"([{"path": "/dev/kmsg2", "type": "c", "major": 1, "minor": 11, "fileMode": 438}])");
  box.bundle.capabilities({"CAP_MKNOD", "CAP_SYSLOG"}).probe("open /dev/kmsg2 r , open /dev/null rw");
  Finished f = box.run();
  CHECK(f.out == containing("open /dev/kmsg2: EPERM"));
  CHECK(f.out == containing("open /dev/null: ok"));
}

TEST_CASE("an allowed device can be opened, with the access that the rule gives", "[devices][cgroups]") {
  Sandbox box;
  box.bundle.set("/linux/resources/devices", R"([{"allow": false, "access": "rwm"},
    {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}])");
  box.bundle.set("/linux/devices",
                 R"([{"path": "/dev/kmsg2", "type": "c", "major": 1, "minor": 11, "fileMode": 438}])");
  box.bundle.capabilities({"CAP_SYSLOG"}).probe("open /dev/kmsg2 r , open /dev/kmsg2 w , open /dev/kmsg2 rw");
  CHECK(box.run().out == "open /dev/kmsg2: ok\nopen /dev/kmsg2: EPERM\nopen /dev/kmsg2: EPERM\n");
}

TEST_CASE("later device rules count more than earlier ones", "[devices][cgroups]") {
  Sandbox box;
  box.bundle.set("/linux/resources/devices", R"([{"allow": true, "access": "rwm"},
    {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rwm"}])");
  box.bundle.set("/linux/devices",
                 R"([{"path": "/dev/kmsg2", "type": "c", "major": 1, "minor": 11, "fileMode": 438}])");
  box.bundle.capabilities({"CAP_SYSLOG"}).probe("open /dev/kmsg2 r , open /dev/null rw");
  CHECK(box.run().out == "open /dev/kmsg2: EPERM\nopen /dev/null: ok\n");
}

TEST_CASE("mknod of any device is allowed, its use is not", "[devices][cgroups]") {
  // runc's default rules: c *:* m and b *:* m, so that image layers can be unpacked inside.
  Sandbox box;
  box.bundle.capabilities({"CAP_MKNOD", "CAP_SYSLOG"}).probe("mknod /node 1 11 , stat /node , open /node r");
  Finished f = box.run();
  CHECK(f.out == containing("/node: char"));
  CHECK(f.out == containing("open /node: EPERM"));
}
