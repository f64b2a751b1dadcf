// linux.namespaces: made, joined, left out.
#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

struct Kind {
  const char* in_spec;
  const char* in_proc;
};

constexpr Kind kKinds[] = {
    {"pid", "pid"}, {"network", "net"}, {"ipc", "ipc"}, {"uts", "uts"}, {"mount", "mnt"}};

}  // namespace

TEST_CASE("every namespace of the configuration is a new one", "[namespaces]") {
  for (auto [in_spec, in_proc] : kKinds) {
    Sandbox box;
    box.bundle.probe(std::string("ns ") + in_proc);
    std::string seen = box.outcome();
    CHECK(seen == containing(std::string(in_proc) + ":["));
    CHECK(seen != own_namespace(in_proc) + "\n");
  }
}

TEST_CASE("a namespace that the configuration leaves out is the host's", "[namespaces]") {
  for (const Kind& kind : {kKinds[0], kKinds[1], kKinds[2]}) {
    Sandbox box;
    box.bundle.drop_namespace(kind.in_spec).probe(std::string("ns ") + kind.in_proc);
    CHECK(box.outcome() == own_namespace(kind.in_proc) + "\n");
  }
}

TEST_CASE("without a uts namespace a hostname is refused and the host keeps its own", "[namespaces]") {
  Sandbox box;
  char before[256], after[256];
  gethostname(before, sizeof before);
  box.bundle.drop_namespace("uts").probe("names");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("uts"));
  gethostname(after, sizeof after);
  CHECK(std::string(before) == after);
  CHECK(box.leftovers().empty());
}

TEST_CASE("without a uts namespace and a hostname the host's name is seen", "[namespaces]") {
  Sandbox box;
  char name[256];
  gethostname(name, sizeof name);
  box.bundle.drop_namespace("uts").drop("/hostname").probe("names");
  CHECK(box.outcome() == containing("hostname=" + std::string(name) + " "));
}

TEST_CASE("a container can join each namespace of another one by path", "[namespaces]") {
  Sandbox first;
  first.bundle.probe("wait");
  first.launch();
  for (auto [in_spec, in_proc] : kKinds) {
    if (std::string(in_spec) == "mount") continue;  // has a test of its own
    Sandbox second;
    std::string path = "/proc/" + std::to_string(first.pid()) + "/ns/" + in_proc;
    second.bundle.drop_namespace(in_spec).drop("/hostname");
    second.bundle.add("/linux/namespaces",
                      R"({"type": ")" + std::string(in_spec) + R"(", "path": ")" + path + "\"}");
    second.bundle.probe(std::string("ns ") + in_proc);
    INFO(in_spec);
    CHECK(second.outcome() == namespace_of(first.pid(), in_proc) + "\n");
  }
}

TEST_CASE("a joined pid namespace shows the other's processes and survives our end", "[namespaces]") {
  Sandbox first, second;
  first.bundle.probe("wait");
  first.launch();
  second.bundle.drop_namespace("pid").add(
      "/linux/namespaces",
      R"({"type": "pid", "path": "/proc/)" + std::to_string(first.pid()) + R"(/ns/pid"})");
  second.bundle.probe("pids , cat /proc/1/cmdline");
  std::string seen = second.outcome();
  CHECK(seen == containing("/probe"));
  CHECK(seen != containing("pid=1 "));
  CHECK(first.status() == "running");
}

TEST_CASE("a namespace path that does not exist is refused by name", "[namespaces]") {
  Sandbox box;
  box.bundle.drop_namespace("network").add("/linux/namespaces",
                                           R"({"type": "network", "path": "/no/such/ns"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/no/such/ns"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a namespace path of another type is refused", "[namespaces]") {
  Sandbox box;
  box.bundle.drop_namespace("network").add("/linux/namespaces",
                                           R"({"type": "network", "path": "/proc/self/ns/uts"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}

TEST_CASE("a namespace listed twice is refused", "[namespaces]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "pid"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("pid"));
}

TEST_CASE("an unknown namespace type is refused by name", "[namespaces]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "dimension"})");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("dimension"));
}

TEST_CASE("a cgroup namespace makes the container's cgroup the root", "[namespaces]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "cgroup"})").probe("cat /proc/self/cgroup");
  std::string seen = box.outcome();
  CHECK(seen == containing(":/\n"));
  CHECK(seen != containing(box.id()));
  Sandbox without;
  without.bundle.probe("cat /proc/self/cgroup");
  CHECK(without.outcome() == containing(without.id()));
}

TEST_CASE("a new network namespace has its loopback up", "[namespaces]") {
  Sandbox box;
  box.bundle.probe("cat /proc/net/dev , cat /proc/net/if_inet6");
  std::string seen = box.outcome();
  CHECK(seen == containing("lo:"));
  CHECK(seen == containing("00000000000000000000000000000001"));  // ::1 is there only when lo is up
}

TEST_CASE("the first process of a new pid namespace is pid 1, alone", "[namespaces]") {
  Sandbox box;
  box.bundle.probe("pids , ls /proc/1/task");
  CHECK(box.outcome() == containing("pid=1 ppid=0 pgid=1 sid=1\n"));
}

TEST_CASE("hostname and domainname are set", "[namespaces]") {
  Sandbox box;
  box.bundle.set("/hostname", "\"inner.example\"").probe("names");
  CHECK(box.outcome() == containing("hostname=inner.example "));
}

TEST_CASE("domainname is set", "[namespaces][beyond-runc]") {
  Sandbox box;
  box.bundle.set("/domainname", "\"nis.example\"").probe("names");
  CHECK(box.outcome() == "hostname=probe domainname=nis.example\n");
}

TEST_CASE("exec sees a program's changes to its namespaces' contents", "[namespaces]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_ADMIN"}).probe("call sethostname /changed 8 , echo done , wait");
  box.launch();
  REQUIRE(box.prints("done"));
  CHECK(box.exec("names").out == containing("hostname=/changed "));
}
