#include "cgroups/host.h"

#include "tests/catch.h"
#include "tests/cgroups/fixture.h"

using namespace shoji;
using namespace shoji::fixture;

TEST_CASE("a host with cgroup2 alone is unified") {
  Tree tree({proc_unified()});
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  CHECK(host->mode == CgroupHost::Mode::kUnified);
  REQUIRE(host->unified() != nullptr);
  CHECK(host->unified()->mount == tree.path("/sys/fs/cgroup"));
  CHECK(host->legacy(Controller::kMemory) == nullptr);
}

TEST_CASE("single v1 mounts beside cgroup2 are hybrid, and the unified hierarchy comes first") {
  Tree tree({proc_hybrid()});
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  CHECK(host->mode == CgroupHost::Mode::kHybrid);
  CHECK(host->hierarchies.size() == 10);
  CHECK(host->hierarchies.front().mount == tree.path("/sys/fs/cgroup/unified"));
  REQUIRE(host->legacy(Controller::kIo) != nullptr);
  CHECK(host->legacy(Controller::kIo)->mount == tree.path("/sys/fs/cgroup/blkio"));
  CHECK(host->legacy(Controller::kHugetlb) == nullptr);
}

TEST_CASE("controllers mounted together are one hierarchy") {
  Tree tree({proc_debian_legacy()});
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  CHECK(host->mode == CgroupHost::Mode::kLegacy);
  CHECK(host->unified() == nullptr);
  REQUIRE(host->legacy(Controller::kCpuacct) != nullptr);
  CHECK(host->legacy(Controller::kCpuacct) == host->legacy(Controller::kCpu));
  CHECK(host->legacy(Controller::kCpu)->name == "cpu,cpuacct");
  CHECK(host->legacy(Controller::kNetPrio)->name == "net_cls,net_prio");
}

TEST_CASE("of several mounts of one hierarchy the usual and whole one wins") {
  Tree tree({proc({{"/pod", "/sys/fs/cgroup/pids", "cgroup", "rw,pids"},
                   {"/", "/srv/root/sys/fs/cgroup/pids", "cgroup", "rw,pids"},
                   {"/", "/sys/fs/cgroup/pids\\040two", "cgroup", "rw,pids"}},
                  "")});
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  REQUIRE(host->hierarchies.size() == 1);
  CHECK(host->hierarchies[0].mount == tree.path("/sys/fs/cgroup/pids two"));
}

TEST_CASE("somebody's named hierarchy is left alone, and no cgroup at all is an error") {
  Tree tree({proc({{"/", "/mnt/mine", "cgroup", "rw,name=mine"}}, "")});
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE_FALSE(host);
  CHECK(host.error().kind == Kind::kUnsupported);
}

TEST_CASE("v1 and v2 names of controllers") {
  CHECK(controller_name(Controller::kIo, true) == "io");
  CHECK(controller_name(Controller::kIo, false) == "blkio");
  CHECK(controller_name(Controller::kDevices, true) == "devices");
  ControllerSet set = parse_controllers("cpu io unheard_of");
  CHECK(set == ControllerSet{Controller::kCpu, Controller::kIo});
  CHECK(set.without({Controller::kCpu}) == ControllerSet{Controller::kIo});
  CHECK_FALSE(set.contains({Controller::kCpu, Controller::kPids}));
}
