// linux.sysctl: set in the container's namespaces, refused where it would reach the host.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("sysctls of the container's namespaces are set there and not on the host", "[sysctl]") {
  Sandbox box;
  std::string host = read_text("/proc/sys/net/ipv4/ip_forward");
  std::string other = words(host)[0] == "1" ? "0" : "1";
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.ip_forward": ")" + other + R"(", "kernel.msgmax": "9999"})");
  box.bundle.probe("cat /proc/sys/net/ipv4/ip_forward , cat /proc/sys/kernel/msgmax");
  CHECK(box.outcome() == other + "\n9999\n");
  CHECK(read_text("/proc/sys/net/ipv4/ip_forward") == host);
}

TEST_CASE("a sysctl may be written with slashes", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"net/ipv4/ip_default_ttl": "77"})")
      .probe("cat /proc/sys/net/ipv4/ip_default_ttl");
  CHECK(box.outcome() == "77\n");
}

TEST_CASE("a sysctl without its namespace would be the host's and is refused", "[sysctl]") {
  struct {
    const char* drop;
    const char* name;
  } const cases[] = {
      {"network", "net.ipv4.ip_forward"}, {"ipc", "kernel.shmmax"}, {"ipc", "fs.mqueue.msg_max"}};
  for (auto [drop, name] : cases) {
    Sandbox box;
    if (std::string(drop) == "ipc") box.bundle.drop_mount("/dev/mqueue");
    box.bundle.drop_namespace(drop).set("/linux/sysctl", "{\"" + std::string(name) + "\": \"1\"}");
    Finished f = box.run();
    INFO(name);
    CHECK(f.code == 1);
    CHECK(f.err == saying(name));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a sysctl that has no namespace is refused", "[sysctl]") {
  Sandbox box;
  std::string before = read_text("/proc/sys/vm/swappiness");
  box.bundle.set("/linux/sysctl", R"({"vm.swappiness": "33"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("vm.swappiness"));
  CHECK(read_text("/proc/sys/vm/swappiness") == before);
}

TEST_CASE("kernel.hostname is refused in favour of hostname", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"kernel.hostname": "other"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("hostname"));
}

TEST_CASE("kernel.domainname needs a uts namespace", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"kernel.domainname": "nis.example"})").probe("names");
  CHECK(box.outcome() == containing("domainname=nis.example"));
}

TEST_CASE("kernel.domainname and domainname may say the same, and only the same", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/domainname", R"("nis.example")");
  box.bundle.set("/linux/sysctl", R"({"kernel.domainname": "nis.example"})").probe("names");
  CHECK(box.outcome() == containing("domainname=nis.example"));
  Sandbox other;
  other.bundle.set("/domainname", R"("nis.example")");
  other.bundle.set("/linux/sysctl", R"({"kernel.domainname": "another.example"})").probe("names");
  Finished f = other.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("kernel.domainname"));
  CHECK(other.leftovers().empty());
}

TEST_CASE("a sysctl that the kernel does not have is refused by name", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.no_such_thing": "1"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("no_such_thing"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a value that the kernel refuses is an error with name and value", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.ip_default_ttl": "nonsense"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("ip_default_ttl"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a sysctl name may not climb out of /proc/sys", "[sysctl]") {
  Sandbox box;
  box.bundle.set("/linux/sysctl", R"({"net/../../../tmp/x": "1"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}
