// Cgroup: where it is, how it is made and removed. Knobs are plain files of a fixture tree.
#include "cgroups/manager.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/catch.h"
#include "tests/cgroups/fixture.h"

using namespace shoji;
using namespace shoji::fixture;

namespace {

CgroupHost host_at(const Tree& tree) {
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  return *host;
}

Node sys_fs_cgroup(std::vector<Node> inside) {
  return dir("sys", {dir("fs", {dir("cgroup", std::move(inside))})});
}

// A v2 mount point that has these controllers, with cgroups below.
Node v2_root(const std::string& controllers, const std::string& enabled, std::vector<Node> below) {
  std::vector<Node> inside = {file("cgroup.controllers", controllers + "\n"),
                              file("cgroup.subtree_control", enabled + "\n")};
  for (Node& node : below) inside.push_back(std::move(node));
  return sys_fs_cgroup(std::move(inside));
}

Cgroup planned(const CgroupHost& host, std::string_view path) {
  auto cgroup = Cgroup::plan(host, path, "id");
  REQUIRE(cgroup);
  return std::move(*cgroup);
}

// The same directories as a later verb sees them: the container's own.
Cgroup owned(const CgroupHost& host, const std::string& path) {
  auto cgroup = Cgroup::from_paths(host, {path});
  REQUIRE(cgroup);
  return std::move(*cgroup);
}

}  // namespace

TEST_CASE("an absolute path is below each mount point") {
  Tree tree({proc_hybrid("/own/deep"), sys_fs_cgroup({dir("unified", {dir("sites")})})});
  Cgroup cgroup = planned(host_at(tree), "/sites/web/");
  CHECK(cgroup.unified_path() == tree.path("/sys/fs/cgroup/unified/sites/web"));
  CHECK(cgroup.controller_path(Controller::kMemory) == tree.path("/sys/fs/cgroup/memory/sites/web"));
  CHECK(cgroup.controller_path(Controller::kHugetlb) == cgroup.unified_path());
  // farm exists in the unified hierarchy only: elsewhere it is on the list before the leaf.
  std::vector<std::string> paths = cgroup.paths();
  REQUIRE(paths.size() == 19);
  CHECK(paths[0] == tree.path("/sys/fs/cgroup/unified/sites/web"));
  CHECK(paths[1] == tree.path("/sys/fs/cgroup/cpu/sites"));
  CHECK(paths[2] == tree.path("/sys/fs/cgroup/cpu/sites/web"));
}

TEST_CASE("a relative path is below the own cgroup in v1, and below its parent in v2") {
  Tree tree({proc_hybrid("/own/deep"), sys_fs_cgroup({})});
  Cgroup cgroup = planned(host_at(tree), "web");
  CHECK(cgroup.unified_path() == tree.path("/sys/fs/cgroup/unified/own/web"));
  CHECK(cgroup.controller_path(Controller::kPids) == tree.path("/sys/fs/cgroup/pids/own/deep/web"));
}

TEST_CASE("without a path the id is the name") {
  Tree tree({proc_unified(), sys_fs_cgroup({})});
  CHECK(planned(host_at(tree), "").unified_path() == tree.path("/sys/fs/cgroup/id"));
}

TEST_CASE("where only the own cgroup is mounted, host paths are cut") {
  Tree tree({proc({{"/docker/abc", "/sys/fs/cgroup/pids", "cgroup", "rw,pids"}}, "3:pids:/docker/abc/sub\n"),
             sys_fs_cgroup({})});
  Cgroup cgroup = planned(host_at(tree), "web");
  CHECK(cgroup.controller_path(Controller::kPids) == tree.path("/sys/fs/cgroup/pids/sub/web"));
}

TEST_CASE("the root of the hierarchy is refused, however it is written") {
  Tree tree({proc_unified(), sys_fs_cgroup({})});
  for (const char* path : {"/", "/..", "..", "/a/.."}) {
    auto cgroup = Cgroup::plan(host_at(tree), path, "id");
    REQUIRE_FALSE(cgroup);
    CHECK(cgroup.error().kind == Kind::kInvalid);
  }
}

TEST_CASE("from_paths undoes paths, in any order") {
  Tree tree({proc_hybrid(), sys_fs_cgroup({dir("unified")})});
  CgroupHost host = host_at(tree);
  Cgroup cgroup = planned(host, "/a/b/c");
  std::vector<std::string> paths = cgroup.paths();
  std::vector<std::string> reversed(paths.rbegin(), paths.rend());
  auto again = Cgroup::from_paths(host, reversed);
  REQUIRE(again);
  CHECK(again->unified_path() == cgroup.unified_path());
  CHECK(again->paths().front() == tree.path("/sys/fs/cgroup/unified/a"));
  CHECK(again->paths().size() == paths.size());
}

TEST_CASE("paths of a hierarchy that is not mounted: gone is fine, there is not") {
  Tree tree({proc_unified(), sys_fs_cgroup({}), dir("elsewhere")});
  CHECK(Cgroup::from_paths(host_at(tree), {tree.path("/nowhere/x")}));
  auto lost = Cgroup::from_paths(host_at(tree), {tree.path("/elsewhere")});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind == Kind::kState);
}

TEST_CASE("create hands the missing controllers down, in one write per level") {
  Tree tree({proc_unified(), v2_root("cpu memory pids misc", "cpu memory",
                                     {v2_cgroup("sites", "cpu memory", {v2_cgroup("web", "memory")})})});
  Cgroup cgroup = planned(host_at(tree), "/sites/web");
  REQUIRE(cgroup.create());
  CHECK(cgroup.unified_fd().value() >= 0);
  // exec joins a cgroup that it knows by its path alone.
  auto found = Cgroup::from_paths(host_at(tree), cgroup.paths());
  REQUIRE(found);
  CHECK(found->unified_fd().value() >= 0);
  // Both texts are 11 bytes long, so that nothing of the old one shows behind the new one in a plain file.
  CHECK(tree.text("/sys/fs/cgroup/cgroup.subtree_control") == "+pids +misc");
  CHECK(tree.text("/sys/fs/cgroup/sites/cgroup.subtree_control") == "+cpu +memory");
  CHECK(tree.text("/sys/fs/cgroup/sites/web/cgroup.subtree_control") == "\n");
}

TEST_CASE("create leaves a parent with processes in it as it is") {
  Node farm = v2_cgroup("sites", "cpu", {file("cgroup.type", "domain\n"), v2_cgroup("web", "")});
  farm.inside[1].text = "41\n";
  Tree tree({proc_unified(), v2_root("cpu", "cpu", {farm})});
  REQUIRE(planned(host_at(tree), "/sites/web").create());
  CHECK(tree.text("/sys/fs/cgroup/sites/cgroup.subtree_control") == "\n");
}

TEST_CASE("create writes nothing where the cgroup has all controllers") {
  Tree tree({proc_unified(), v2_root("cpu memory", "", {v2_cgroup("web", "cpu memory")})});
  REQUIRE(planned(host_at(tree), "/web").create());
  CHECK(tree.text("/sys/fs/cgroup/cgroup.subtree_control") == "\n");
}

TEST_CASE("plan refuses a cgroup with processes in it or below it") {
  for (bool below : {false, true}) {
    Node inner = v2_cgroup("inner", "");
    Node web = v2_cgroup("web", "", {});
    (below ? inner : web).inside[1].text = "41\n42\n";
    web.inside.push_back(inner);
    Tree tree({proc_unified(), v2_root("", "", {web})});
    auto refused = Cgroup::plan(host_at(tree), "/web", "id");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Kind::kExists);
    CHECK(refused.error().text == "cgroup \"" + tree.path("/sys/fs/cgroup/web") +
                                      "\" exists and is not empty: process 41 and others are in it");
  }
}

TEST_CASE("plan refuses a frozen cgroup, v2 and v1") {
  Node web = v2_cgroup("web", "");
  web.inside[3].text = "1\n";
  Tree unified({proc_unified(), v2_root("", "", {web})});
  auto refused = Cgroup::plan(host_at(unified), "/web", "id");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Kind::kState);

  Tree legacy({proc({{"/", "/sys/fs/cgroup/freezer", "cgroup", "rw,freezer"}}, ""),
               sys_fs_cgroup({dir(
                   "freezer", {dir("web", {file("cgroup.procs"), file("freezer.state", "FROZEN\n")})})})});
  refused = Cgroup::plan(host_at(legacy), "/web", "id");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Kind::kState);
}

TEST_CASE(
    "a cgroup that somebody took between plan and create is refused, and then neither killed nor removed") {
  pid_t stranger = fork();
  if (stranger == 0) {
    pause();
    _exit(0);
  }
  Tree tree({proc_unified(), v2_root("", "", {})});
  Cgroup cgroup = planned(host_at(tree), "/sites/web");
  for (const char* made : {"sites", "sites/web"}) {
    REQUIRE(mkdir(tree.path(std::string("/sys/fs/cgroup/") + made).c_str(), 0755) == 0);
  }
  std::ofstream(tree.path("/sys/fs/cgroup/sites/web/cgroup.procs")) << stranger << "\n";
  std::ofstream(tree.path("/sys/fs/cgroup/sites/web/cgroup.kill")) << "";
  auto created = cgroup.create();
  REQUIRE_FALSE(created);
  CHECK(created.error().kind == Kind::kExists);
  CHECK(cgroup.pids() == std::vector<pid_t>{});
  CHECK(cgroup.kill(SIGKILL));
  CHECK(cgroup.remove());
  CHECK(tree.text("/sys/fs/cgroup/sites/web/cgroup.kill").empty());
  CHECK(waitpid(stranger, nullptr, WNOHANG) == 0);
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
}

TEST_CASE("a v1 cpuset takes what is in force above it, and keeps what it has") {
  auto cpuset = [](std::string name, std::string cpus, std::string mems, std::vector<Node> more = {}) {
    more.push_back(file("cpuset.cpus", cpus + "\n"));
    more.push_back(file("cpuset.mems", mems + "\n"));
    more.push_back(file("cgroup.procs"));
    return dir(std::move(name), std::move(more));
  };
  Tree tree(
      {proc({{"/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset"}}, ""),
       sys_fs_cgroup({cpuset("cpuset", "0-3", "0", {cpuset("sites", "", "", {cpuset("web", "1", "")})})})});
  REQUIRE(planned(host_at(tree), "/sites/web").create());
  CHECK(tree.text("/sys/fs/cgroup/cpuset/sites/web/cpuset.cpus") == "1\n");
  CHECK(tree.text("/sys/fs/cgroup/cpuset/sites/web/cpuset.mems").substr(0, 1) == "0");
  CHECK(tree.text("/sys/fs/cgroup/cpuset/sites/cpuset.mems").substr(0, 1) == "0");
  CHECK(tree.text("/sys/fs/cgroup/cpuset/sites/cpuset.cpus") == "\n");
}

TEST_CASE("remove takes sub-cgroups and own parents, leaves others' parents, and may be repeated") {
  Tree tree({proc_unified(), sys_fs_cgroup({dir("shared")})});
  CgroupHost host = host_at(tree);
  Cgroup cgroup = planned(host, "/shared/mine/web");
  // What create() would make; the files of a real cgroup vanish with its directory.
  for (const char* made : {"mine", "mine/web", "mine/web/inner", "mine/web/inner/deep", "mine/web/other"}) {
    REQUIRE(mkdir(tree.path(std::string("/sys/fs/cgroup/shared/") + made).c_str(), 0755) == 0);
  }
  auto later = Cgroup::from_paths(host, cgroup.paths());
  REQUIRE(later);
  REQUIRE(later->remove());
  CHECK_FALSE(tree.exists("/sys/fs/cgroup/shared/mine"));
  CHECK(tree.exists("/sys/fs/cgroup/shared"));
  CHECK(later->remove());
}

TEST_CASE("remove leaves an own parent that somebody else uses by now") {
  Tree tree({proc_unified(), sys_fs_cgroup({})});
  CgroupHost host = host_at(tree);
  auto planned_paths = planned(host, "/sites/web").paths();
  for (const char* made : {"sites", "sites/web", "sites/other"}) {
    REQUIRE(mkdir(tree.path(std::string("/sys/fs/cgroup/") + made).c_str(), 0755) == 0);
  }
  auto cgroup = Cgroup::from_paths(host, planned_paths);
  REQUIRE(cgroup);
  REQUIRE(cgroup->remove());
  CHECK(tree.exists("/sys/fs/cgroup/sites/other"));
  CHECK_FALSE(tree.exists("/sys/fs/cgroup/sites/web"));
}

TEST_CASE("pids are collected from sub-cgroups, sorted, each once; a gone cgroup has none") {
  Node web = v2_cgroup("web", "", {v2_cgroup("inner", "")});
  web.inside[1].text = "30\n7\n";
  web.inside.back().inside[1].text = "12\n7\n";
  Tree tree({proc_unified(), v2_root("", "", {web})});
  CHECK(owned(host_at(tree), tree.path("/sys/fs/cgroup/web")).pids() == std::vector<pid_t>{7, 12, 30});
  CHECK(owned(host_at(tree), tree.path("/sys/fs/cgroup/gone")).pids() == std::vector<pid_t>{});
}

TEST_CASE("freeze, frozen and thaw use cgroup.freeze where there is a v2 hierarchy") {
  Node web = v2_cgroup("web", "");
  web.inside[4].text = "populated 1\nfrozen 1\n";
  Tree tree({proc_unified(), v2_root("", "", {web})});
  Cgroup cgroup = owned(host_at(tree), tree.path("/sys/fs/cgroup/web"));
  CHECK(cgroup.frozen() == false);
  REQUIRE(cgroup.freeze());
  CHECK(tree.text("/sys/fs/cgroup/web/cgroup.freeze").substr(0, 1) == "1");
  CHECK(cgroup.frozen() == true);
  REQUIRE(cgroup.thaw());
  CHECK(cgroup.frozen() == false);
}

TEST_CASE("SIGKILL goes to cgroup.kill; another signal to each process") {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  Node web = v2_cgroup("web", "", {file("cgroup.kill")});
  web.inside[1].text = std::to_string(child) + "\n";
  web.inside[4].text = "populated 1\nfrozen 1\n";
  Tree tree({proc_unified(), v2_root("", "", {web})});
  Cgroup cgroup = owned(host_at(tree), tree.path("/sys/fs/cgroup/web"));
  REQUIRE(cgroup.kill(SIGKILL));
  CHECK(tree.text("/sys/fs/cgroup/web/cgroup.kill") == "1");
  CHECK(waitpid(child, nullptr, WNOHANG) == 0);  // a plain file kills nobody
  REQUIRE(cgroup.kill(SIGUSR1));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGUSR1);
  CHECK(cgroup.frozen() == false);
}

TEST_CASE("the v1 tasks files are opened for the child, one per v1 hierarchy") {
  Tree tree({proc_debian_legacy(), sys_fs_cgroup({dir("systemd", {dir("web", {file("tasks")})}),
                                                  dir("memory", {dir("web", {file("tasks")})}),
                                                  dir("cpu,cpuacct", {dir("web", {file("tasks")})}),
                                                  dir("net_cls,net_prio", {dir("web", {file("tasks")})})})});
  Cgroup cgroup = planned(host_at(tree), "/web");
  auto tasks = cgroup.open_v1_tasks();
  REQUIRE(tasks);
  REQUIRE(tasks->size() == 4);
  for (const UniqueFd& fd : *tasks) CHECK(write(fd.get(), "0", 1) == 1);
  CHECK(tree.text("/sys/fs/cgroup/memory/web/tasks") == "0");
  CHECK(cgroup.unified_fd().value() == -1);
}

TEST_CASE("below stays inside") {
  Tree tree({proc_unified(),
             v2_root("", "", {v2_cgroup("web", "", {v2_cgroup("inner", "")}), v2_cgroup("other", "")})});
  Cgroup cgroup = planned(host_at(tree), "/web");
  auto inner = cgroup.below("inner");
  REQUIRE(inner);
  CHECK(inner->unified_path() == tree.path("/sys/fs/cgroup/web/inner"));
  for (const char* path : {"../other", "./../other", "inner/..", "inner/../inner", "inner/../../other"}) {
    auto outside = cgroup.below(path);
    REQUIRE_FALSE(outside);
    CHECK(outside.error().text == cat("cgroup ", quote(path), ": \"..\" is not allowed"));
  }
  auto absent = cgroup.below("..inner");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().kind == Kind::kNotFound);
}
