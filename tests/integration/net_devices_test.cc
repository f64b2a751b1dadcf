// linux.netDevices, in a network namespace that the test makes and is in: for the runtime it is the host's.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

class PrivateHost {
 public:
  PrivateHost() : home_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    REQUIRE(home_ >= 0);
    REQUIRE(unshare(CLONE_NEWNET) == 0);
  }
  ~PrivateHost() {
    setns(home_, CLONE_NEWNET);
    close(home_);
  }
  PrivateHost(const PrivateHost&) = delete;
  PrivateHost& operator=(const PrivateHost&) = delete;

  // What ip(8) prints, in the namespace of `pid` when there is one.
  [[nodiscard]] static std::string ip(const std::string& words, pid_t pid = 0) {
    std::string enter = pid == 0 ? "" : "nsenter --target " + std::to_string(pid) + " --net ";
    FILE* pipe = popen((enter + "ip " + words + " 2>&1").c_str(), "r");
    std::string out;
    char buffer[4096];
    size_t n = 0;
    while ((n = fread(buffer, 1, sizeof buffer, pipe)) > 0) out.append(buffer, n);
    pclose(pipe);
    return out;
  }
  // A veth that is up, with addresses; its other end is up1.
  static void make_device() {
    REQUIRE(ip("link add up0 mtu 1410 address 02:00:00:00:00:07 type veth peer name up1").empty());
    REQUIRE(ip("address add 192.0.2.7/24 dev up0").empty());
    REQUIRE(ip("address add 2001:db8::7/64 nodad dev up0").empty());
    REQUIRE(ip("link set up0 up").empty());
  }
  [[nodiscard]] static bool device_is_untouched() {
    std::string seen = ip("address show dev up0");
    return seen.contains("192.0.2.7/24") && seen.contains("2001:db8::7/64") && seen.contains(",UP");
  }

 private:
  int home_;
};

}  // namespace

TEST_CASE("netDevices: a device is in the container with its addresses, MTU and MAC", "[netdevices]") {
  PrivateHost host;
  host.make_device();
  Sandbox box;
  box.bundle.set("/linux/netDevices", R"({"up0": {"name": "net0"}})").probe("wait");
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.conf.net0.forwarding": "1"})");
  box.launch();
  CHECK(host.ip("link show dev up0") == containing("does not exist"));
  std::string seen = host.ip("address show dev net0", box.pid());
  CHECK(seen == containing("mtu 1410"));
  CHECK(seen == containing("02:00:00:00:00:07"));
  CHECK(seen == containing(",UP"));
  CHECK(seen == containing("inet 192.0.2.7/24"));
  CHECK(seen == containing("inet6 2001:db8::7/64"));
  REQUIRE(box.remove({"--force"}).code == 0);
  // A veth dies with the namespace; the kernel takes its time.
  bool gone = false;
  for (int i = 0; i < 500 && !gone; ++i) {
    gone = !host.ip("link").contains("up1");
    if (!gone) usleep(10'000);
  }
  CHECK(gone);
}

TEST_CASE("netDevices: with a user namespace, and with a template for the name", "[netdevices]") {
  PrivateHost host;
  host.make_device();
  Sandbox box;
  box.bundle.user_namespace().set("/linux/netDevices",
                                  R"({"up0": {"name": "net%d"}, "up1": {"name": "net%d"}})");
  box.bundle.probe("wait");
  box.launch();
  std::string seen = host.ip("-o link", box.pid());
  CHECK(seen == containing(" net0"));
  CHECK(seen == containing(" net1"));
}

TEST_CASE("netDevices: in a joined namespace they stay when the container goes", "[netdevices]") {
  PrivateHost host;
  host.make_device();
  Sandbox owner, guest;
  owner.bundle.probe("wait");
  owner.launch();
  guest.bundle.drop_namespace("network").add(
      "/linux/namespaces",
      R"({"type": "network", "path": "/proc/)" + std::to_string(owner.pid()) + R"(/ns/net"})");
  guest.bundle.set("/linux/netDevices", R"({"up0": {}})").probe("wait");
  guest.launch();
  CHECK(host.ip("address show dev up0", guest.pid()) == containing("192.0.2.7/24"));
  REQUIRE(guest.remove({"--force"}).code == 0);
  CHECK(host.ip("address show dev up0", owner.pid()) == containing("192.0.2.7/24"));
}

TEST_CASE("netDevices: what cannot be moved is said, and nothing is moved", "[netdevices]") {
  PrivateHost host;
  host.make_device();
  struct Case {
    const char* devices;
    const char* error;
  };
  for (const Case& each :
       {Case{R"({"up0": {}, "nothing": {}})",
             R"(move network device "nothing" into the container: there is no such device)"},
        Case{R"({"up0": {"name": "lo"}})", R"(the container's network namespace has a device "lo" already)"},
        Case{R"({"up0": {"name": "x"}, "up1": {"name": "x"}})",
             "it would be called \"x\" in the container"}}) {
    Sandbox box;
    box.bundle.set("/linux/netDevices", each.devices).probe("wait");
    Finished refused = box.run();
    INFO(each.devices);
    CHECK(refused.code == 1);
    CHECK(refused.err == containing(each.error));
    CHECK(one_sentence(refused));
    CHECK(host.device_is_untouched());
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("netDevices: without a network namespace of its own, or with the host's, they are refused",
          "[netdevices]") {
  PrivateHost host;
  host.make_device();
  Sandbox none, same;
  none.bundle.drop_namespace("network").set("/linux/netDevices", R"({"up0": {}})");
  CHECK(none.run().err == containing("cannot be set without a namespace of type"));
  same.bundle.drop_namespace("network").add("/linux/namespaces",
                                            R"({"type": "network", "path": "/proc/self/ns/net"})");
  same.bundle.set("/linux/netDevices", R"({"up0": {}})");
  CHECK(same.run().err == containing("network devices cannot be moved"));
  CHECK(host.device_is_untouched());
}

TEST_CASE("netDevices: they come back when the container is not made after all", "[netdevices]") {
  PrivateHost host;
  host.make_device();
  Sandbox box;
  box.bundle.set("/linux/netDevices", R"({"up0": {"name": "net0"}, "up1": {}})");
  // A hook sees them in the container, and fails.
  box.bundle.add("/hooks/createRuntime", R"({"path": "/bin/sh", "args": ["sh", "-c",
    "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); nsenter --target $pid --net ip -o address >$PWD/seen; exit 1"]})");
  box.bundle.probe("wait");
  CHECK(box.run().code == 1);
  CHECK(box.bundle.read("../seen") == containing("192.0.2.7/24"));
  CHECK(host.device_is_untouched());
  CHECK(host.ip("link show dev up1") != containing("does not exist"));
  // And when there is no program to run.
  Sandbox empty;
  empty.bundle.set("/linux/netDevices", R"({"up0": {}})").args({"/no/such/program"});
  CHECK(empty.run().code != 0);
  CHECK(host.device_is_untouched());
}
