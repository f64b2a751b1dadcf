// Cgroup::apply over fixture trees: which knob gets what, and the sentences for what cannot be done.
#include <unistd.h>

#include "cgroups/manager.h"
#include "tests/catch.h"
#include "tests/cgroups/fixture.h"

// Rules and resources are given by the few members that matter.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

using namespace shoji;
using namespace shoji::fixture;

namespace {

Node sys_fs_cgroup(std::vector<Node> inside) {
  return dir("sys", {dir("fs", {dir("cgroup", std::move(inside))})});
}

Cgroup web_in(const Tree& tree) {
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  auto cgroup = Cgroup::plan(*host, "/web", "web");
  REQUIRE(cgroup);
  return std::move(*cgroup);
}

// Updates leave the devices alone, which plain files cannot stand in for.
constexpr auto kUpdate = Cgroup::Occasion::kUpdate;

std::string refusal(const Result<>& result, Kind kind) {
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == kind);
  return result.error().text;
}

}  // namespace

TEST_CASE("apply: v2 knobs") {
  Tree tree(
      {proc_unified(), sys_fs_cgroup({v2_cgroup("web", "cpu memory pids",
                                                {file("memory.max", "max"), file("memory.current", "100\n"),
                                                 file("cpu.max", "25000 10000\n"), file("pids.max")})})});
  Resources resources;
  resources.memory = {.limit = 4096};
  resources.cpu = {.period = 20000};
  resources.pids_limit = 7;
  REQUIRE(web_in(tree).apply(resources, kUpdate));
  CHECK(tree.text("/sys/fs/cgroup/web/memory.max") == "4096");
  CHECK(tree.text("/sys/fs/cgroup/web/cpu.max") == "25000 20000\n");
  CHECK(tree.text("/sys/fs/cgroup/web/pids.max") == "7");
}

TEST_CASE("apply: on a hybrid host each controller where it is") {
  Tree tree({proc_hybrid(),
             sys_fs_cgroup({dir("memory", {dir("web", {file("memory.limit_in_bytes")})}),
                            dir("cpu", {dir("web", {file("cpu.shares")})}),
                            dir("unified", {v2_cgroup("web", "hugetlb", {file("hugetlb.2MB.max")})})})});
  Resources resources;
  resources.memory = {.limit = 4096};
  resources.cpu = {.shares = 2000};
  resources.hugepage_limits = {{"2MB", 0}};
  REQUIRE(web_in(tree).apply(resources, kUpdate));
  CHECK(tree.text("/sys/fs/cgroup/memory/web/memory.limit_in_bytes") == "4096");
  CHECK(tree.text("/sys/fs/cgroup/cpu/web/cpu.shares") == "2000");
  CHECK(tree.text("/sys/fs/cgroup/unified/web/hugetlb.2MB.max") == "0");
  CHECK_FALSE(tree.exists("/sys/fs/cgroup/unified/web/hugetlb.2MB.rsvd.max"));
}

TEST_CASE(
    "apply: a missing controller refuses the limit by name before anything is written, but not a default") {
  Tree tree({proc_unified(), sys_fs_cgroup({v2_cgroup("web", "pids", {file("pids.max", "max")})})});
  Resources resources;
  resources.memory = {.limit = 64 << 20, .reservation = 0, .swap = 96 << 20};
  resources.pids_limit = 7;
  std::string text = refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported);
  CHECK(text.starts_with(
      "limit memory 64 MiB, memory swap 96 MiB: this host has no memory controller for the container"));
  CHECK(tree.text("/sys/fs/cgroup/web/pids.max") == "max");
  resources = {};
  resources.memory = {.limit = -1, .swap = -1, .swappiness = 60};
  resources.cpu = {.shares = 1024, .period = 100000, .quota = -1};
  resources.pids_limit = 0;
  CHECK(web_in(tree).apply(resources, kUpdate));
}

TEST_CASE("apply: why the controller is missing is part of the sentence") {
  Tree tree({proc_unified(), sys_fs_cgroup({file("cgroup.controllers", "memory\n"), v2_cgroup("web", "")})});
  // A file that can be read, and that takes no write.
  REQUIRE(symlink("/proc/self/cgroup", tree.path("/sys/fs/cgroup/cgroup.subtree_control").c_str()) == 0);
  Cgroup cgroup = web_in(tree);
  REQUIRE(cgroup.create());
  Resources resources;
  resources.memory = {.limit = 4096};
  std::string text = refusal(cgroup.apply(resources, kUpdate), Kind::kUnsupported);
  CHECK(text.find("/sys/fs/cgroup/cgroup.subtree_control\" does not take \"+memory\": ") !=
        std::string::npos);
}

TEST_CASE("apply: a controller that no hierarchy has") {
  Tree tree({proc_debian_legacy(), sys_fs_cgroup({})});
  Resources resources;
  resources.pids_limit = 7;
  CHECK(
      refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported) ==
      "limit pids 7: this host has no pids controller for the container: no mounted cgroup hierarchy has it");
}

TEST_CASE("apply: a kernel without the knob") {
  Tree tree({proc_unified(), sys_fs_cgroup({v2_cgroup("web", "cpu io", {file("io.weight")})})});
  Resources resources;
  resources.cpu = {.burst = 5};
  CHECK(refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported) ==
        "limit cpu burst 5: this kernel has no cpu.max.burst");
  resources = {};
  resources.block_io.emplace().weight = 1000;
  REQUIRE(web_in(tree).apply(resources, kUpdate));
  CHECK(tree.text("/sys/fs/cgroup/web/io.weight") == "default 10000");
}

TEST_CASE("apply: memory.max below the usage is refused with the figure, not executed") {
  Tree tree({proc_unified(),
             sys_fs_cgroup({v2_cgroup(
                 "web", "memory",
                 {file("memory.max", "max\n"), file("memory.current", "9000\n"), file("memory.reclaim")})})});
  Resources resources;
  resources.memory = {.limit = 4096};
  CHECK(refusal(web_in(tree).apply(resources, kUpdate), Kind::kState) ==
        "limit memory 4 KiB: 9000 bytes are in use");
  CHECK(tree.text("/sys/fs/cgroup/web/memory.reclaim") == "4904");
  CHECK(tree.text("/sys/fs/cgroup/web/memory.max") == "max\n");
}

TEST_CASE("apply: unified keys go to the v2 cgroup, or say why they cannot") {
  Tree tree({proc_hybrid(),
             sys_fs_cgroup({dir("unified", {v2_cgroup("web", "hugetlb", {file("hugetlb.1GB.max")})})})});
  Resources resources;
  resources.unified = {{"hugetlb.1GB.max", "0"}};
  REQUIRE(web_in(tree).apply(resources, kUpdate));
  CHECK(tree.text("/sys/fs/cgroup/unified/web/hugetlb.1GB.max") == "0");
  resources.unified = {{"memory.high", "1000"}};
  CHECK(refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported) ==
        "limit unified \"memory.high\" = \"1000\": this host has the memory controller in cgroup v1, on \"" +
            tree.path("/sys/fs/cgroup/memory") + "\"");
  resources.unified = {{"hugetlb.64KB.max", "0"}};
  CHECK(refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported) ==
        "limit unified \"hugetlb.64KB.max\" = \"0\": this kernel has no hugetlb.64KB.max");
  Tree legacy({proc_debian_legacy(), sys_fs_cgroup({})});
  CHECK(refusal(web_in(legacy).apply(resources, kUpdate), Kind::kUnsupported)
            .ends_with("no cgroup v2 hierarchy"));
}

TEST_CASE("apply: no sentence for a missing knob reads like a missing program") {
  Tree tree({proc_unified(), sys_fs_cgroup({v2_cgroup("web", "memory cpu pids io hugetlb")})});
  Resources resources;
  resources.memory = {.limit = 4096};
  std::string text = refusal(web_in(tree).apply(resources, kUpdate), Kind::kUnsupported);
  CHECK(text.find("No such file") == std::string::npos);
  CHECK(text == "limit memory 4 KiB: this kernel has no memory.max");
}

TEST_CASE("apply: v1 device lists are written when the container is created") {
  Tree tree({proc({{"/", "/sys/fs/cgroup/devices", "cgroup", "rw,devices"}}, ""),
             sys_fs_cgroup({dir("devices", {dir("web", {file("devices.list", "c 1:3 rwm\n"),
                                                        file("devices.allow"), file("devices.deny")})})})});
  Resources resources;
  resources.devices = {{.allow = false}, {.allow = true, .type = "c", .major = 10, .minor = 229}};
  REQUIRE(web_in(tree).apply(resources));
  // Written through one descriptor, so that a plain file shows all writes in a row.
  CHECK(tree.text("/sys/fs/cgroup/devices/web/devices.allow")
            .starts_with("c 10:229 rwmc *:* mb *:* mc 1:5 rwm"));
  CHECK(tree.text("/sys/fs/cgroup/devices/web/devices.deny").empty());
}

TEST_CASE("apply: without any place for devices only full access is possible") {
  Tree tree({proc_debian_legacy(), sys_fs_cgroup({})});
  Resources resources;
  CHECK_FALSE(web_in(tree).apply(resources));
  resources.devices = {{.allow = true}};
  CHECK(web_in(tree).apply(resources));
}
