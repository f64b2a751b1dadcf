// The directories of a container's cgroup: whose they are, what is above and below them, what becomes of them.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <algorithm>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// A cgroup of the v2 tree, or of the pids hierarchy where there is none; made by the test, and gone with it.
class OwnCgroup {
 public:
  explicit OwnCgroup(const std::string& name) : name_("/" + name), path_(tree() + name_) {
    made_ = mkdir(path_.c_str(), 0755) == 0;
  }
  ~OwnCgroup() { rmdir(path_.c_str()); }
  OwnCgroup(const OwnCgroup&) = delete;
  OwnCgroup& operator=(const OwnCgroup&) = delete;

  static std::string tree() { return hierarchy("").empty() ? hierarchy("pids") : hierarchy(""); }
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // as in linux.cgroupsPath
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string name_, path_;
  bool made_ = false;
};

// A process of the test in some cgroup.
class Guest {
 public:
  explicit Guest(const std::string& cgroup) : pid_(fork()) {
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
    write_text(cgroup + "/cgroup.procs", std::to_string(pid_));
  }
  ~Guest() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

bool there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

}  // namespace

TEST_CASE("parents that create made go with the container, others stay", "[cgroups][beyond-runc]") {
  Sandbox box;
  OwnCgroup parent("shoji-keep-" + std::to_string(getpid()));
  REQUIRE(parent.made());
  box.bundle.set("/linux/cgroupsPath", json_string(parent.name() + "/made/web")).probe("wait");
  box.launch();
  CHECK(there(parent.path() + "/made/web"));
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(!there(parent.path() + "/made"));
  CHECK(there(parent.path()));
  // In the other hierarchies the parent was missing too.
  CHECK(cgroups_named(parent.name().substr(1)) == std::vector<std::string>{parent.path()});
}

TEST_CASE("a parent stays as long as another container is below it", "[cgroups][beyond-runc]") {
  Sandbox first, second;
  std::string parent = "/pair-" + first.id();
  first.bundle.set("/linux/cgroupsPath", json_string(parent + "/one")).probe("wait");
  second.bundle.set("/linux/cgroupsPath", json_string(parent + "/two")).probe("wait");
  first.launch();
  second.launch();
  CHECK(first.remove({"--force"}).code == 0);
  CHECK(second.status() == "running");
  CHECK(there(OwnCgroup::tree() + parent + "/two"));
  CHECK(second.remove({"--force"}).code == 0);
  // The second one found the parent and does not know who made it.
  remove_cgroups_named(parent.substr(1));
}

TEST_CASE("an existing cgroup without processes is used, and removed in the end", "[cgroups]") {
  Sandbox box;
  OwnCgroup own("shoji-empty-" + std::to_string(getpid()));
  REQUIRE(own.made());
  box.bundle.set("/linux/cgroupsPath", json_string(own.name())).probe("wait");
  box.launch();
  CHECK(read_text(own.path() + "/cgroup.procs") == std::to_string(box.pid()) + "\n");
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(!there(own.path()));
}

TEST_CASE("a cgroup with a process in it, or below it, is refused, and the process lives on",
          "[cgroups][beyond-runc]") {
  for (const char* where : {"", "/inner"}) {
    Sandbox box;
    OwnCgroup own("shoji-busy-" + std::to_string(getpid()));
    REQUIRE(own.made());
    OwnCgroup inner(own.name().substr(1) + "/inner");
    Guest guest(own.path() + where);
    box.bundle.set("/linux/cgroupsPath", json_string(own.name()));
    Finished f = box.create();
    CHECK(f.code == 1);
    CHECK(f.err == saying("is not empty: process " + std::to_string(guest.pid())));
    CHECK(box.remove({"--force"}).code == 0);
    CHECK(waitpid(guest.pid(), nullptr, WNOHANG) == 0);
    CHECK(there(own.path()));
    CHECK(cgroups_named(box.id()).empty());
  }
}

TEST_CASE("a frozen cgroup is refused", "[cgroups][beyond-runc]") {
  if (hierarchy("").empty()) return;
  Sandbox box;
  OwnCgroup own("shoji-cold-" + std::to_string(getpid()));
  REQUIRE(own.made());
  write_text(own.path() + "/cgroup.freeze", "1");
  box.bundle.set("/linux/cgroupsPath", json_string(own.name()));
  Finished f = box.create();
  CHECK(f.code == 1);
  CHECK(f.err == saying("frozen"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("the root of the hierarchy is no place for a container", "[cgroups][beyond-runc]") {
  for (const char* path : {"/", "/..", "/a/.."}) {
    Sandbox box;
    box.bundle.set("/linux/cgroupsPath", json_string(path));
    Finished f = box.create();
    CHECK(f.code == 1);
    CHECK(f.err == saying("cgroupsPath"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("the container is given every controller of the v2 tree, at any depth", "[cgroups][beyond-runc]") {
  if (hierarchy("").empty()) return;
  Sandbox box;
  box.bundle.set("/linux/cgroupsPath", json_string(box.cgroup() + "/a/b/c")).probe("wait");
  box.launch();
  std::string all = read_text(hierarchy("") + "/cgroup.controllers");
  CHECK(cgroup_file("", box.cgroup() + "/a/b/c", "cgroup.controllers").value_or("?") + "\n" == all);
}

TEST_CASE("a parent with processes hands no controller down: a limit says so, without one it does not matter",
          "[cgroups][beyond-runc]") {
  // Some controller of the v2 tree, with a limit for it.
  std::string limit;
  if (controller_version("hugetlb") == 2)
    limit = R"({"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]})";
  if (controller_version("memory") == 2) limit = R"({"memory": {"limit": 67108864}})";
  if (limit.empty()) return;
  Sandbox box;
  OwnCgroup parent("shoji-full-" + std::to_string(getpid()));
  REQUIRE(parent.made());
  Guest guest(parent.path());
  box.bundle.set("/linux/cgroupsPath", json_string(parent.name() + "/web")).probe("echo ok");
  CHECK(box.outcome() == "ok\n");
  box.bundle.set("/linux/resources", limit);
  Finished f = box.create();
  CHECK(f.code == 1);
  CHECK(f.err == saying("there are processes in that cgroup"));
  CHECK(f.err == containing(parent.path() + "/cgroup.subtree_control"));
  CHECK(cgroup_file("", parent.name(), "cgroup.type") == "domain");
  CHECK(!there(parent.path() + "/web"));
}

TEST_CASE("what ran away from the pid namespace's end dies with its cgroup", "[cgroups]") {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe("child , child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  auto pids = words(cgroup_file("pids", box.cgroup(), "cgroup.procs").value_or(""));
  if (pids.empty()) pids = words(cgroup_file("", box.cgroup(), "cgroup.procs").value_or(""));
  REQUIRE(pids.size() == 3);
  CHECK(box.remove({"--force"}).code == 0);
  for (const std::string& pid : pids) {
    CHECK(eventually([&] {
      return !there("/proc/" + pid) || read_text("/proc/" + pid + "/status") == containing("State:\tZ");
    }));
  }
  CHECK(box.leftovers().empty());
}

namespace {

// How long delete --force takes for eight processes.
double time_of_removal() {
  Sandbox box;
  box.bundle.drop_namespace("pid").probe(
      "child , child , child , child , child , child , child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  double start = now();
  CHECK(box.remove({"--force"}).code == 0);
  return now() - start;
}

}  // namespace

TEST_CASE("delete --force of a running container with many processes does not wait in fixed steps",
          "[cgroups][beyond-runc]") {
  // Who sleeps 0.1 s between looks never needs less. A busy machine may take longer now and then: the best of ten counts.
  double best = time_of_removal();
  for (int i = 1; i < 10 && best >= 0.1 * time_factor(); ++i) best = std::min(best, time_of_removal());
  CHECK(best < 0.1 * time_factor());
}

TEST_CASE("a user namespace's root may divide its own v2 cgroup", "[cgroups][beyond-runc]") {
  if (hierarchy("").empty()) return;
  Sandbox box;
  box.bundle.user_namespace().add("/linux/namespaces", R"({"type": "cgroup"})");
  box.bundle.drop_mount("/sys/fs/cgroup")
      .mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime");
  std::string below = controller_version("pids") == 1 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  box.bundle.probe("mkdir " + below + "/mine , write " + below +
                   "/mine/cgroup.procs 0 , cat /proc/self/cgroup , wait");
  box.launch();
  REQUIRE(box.prints("0::"));
  CHECK(box.output() == containing("0::/mine\n"));
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(box.leftovers().empty());
}
