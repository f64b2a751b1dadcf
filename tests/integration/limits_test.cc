// linux.resources: every cell of docs/limits.md, read back from the container's cgroup.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// What a host makes of a limit: a file with a value, or a refusal (no file).
struct Cell {
  const char* file;
  const char* value;
};

constexpr Cell kRefused = {nullptr, nullptr};

struct Limit {
  const char* property;  // what a refusal names
  const char* resources;
  const char* controller;
  Cell v1, v2;
  bool runc_agrees = true;
  bool is_default = false;  // fine on a host without the controller
};

// Tables may have lines longer than code.
const Limit kLimits[] = {
    {"limit",
     R"({"memory": {"limit": 67108864}})",
     "memory",
     {"memory.limit_in_bytes", "67108864"},
     {"memory.max", "67108864"}},
    {"limit",
     R"({"memory": {"limit": -1}})",
     "memory",
     {"memory.limit_in_bytes", "9223372036854771712"},
     {"memory.max", "max"},
     true,
     true},
    {"reservation",
     R"({"memory": {"reservation": 33554432}})",
     "memory",
     {"memory.soft_limit_in_bytes", "33554432"},
     {"memory.low", "33554432"}},
    {"swap",
     R"({"memory": {"limit": 67108864, "swap": 100663296}})",
     "memory",
     {"memory.memsw.limit_in_bytes", "100663296"},
     {"memory.swap.max", "33554432"}},
    {"swap",
     R"({"memory": {"limit": 67108864, "swap": 67108864}})",
     "memory",
     {"memory.memsw.limit_in_bytes", "67108864"},
     {"memory.swap.max", "0"}},
    {"kernel", R"({"memory": {"kernel": 33554432}})", "memory", kRefused, kRefused, false},
    {"kernelTCP",
     R"({"memory": {"kernelTCP": 33554432}})",
     "memory",
     {"memory.kmem.tcp.limit_in_bytes", "33554432"},
     kRefused,
     false},
    {"swappiness",
     R"({"memory": {"swappiness": 10}})",
     "memory",
     {"memory.swappiness", "10"},
     kRefused,
     false},
    {"disableOOMKiller",
     R"({"memory": {"disableOOMKiller": true}})",
     "memory",
     {"memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0"},
     kRefused,
     false},
    {"shares", R"({"cpu": {"shares": 512}})", "cpu", {"cpu.shares", "512"}, {"cpu.weight", "59"}, false},
    {"shares",
     R"({"cpu": {"shares": 1024}})",
     "cpu",
     {"cpu.shares", "1024"},
     {"cpu.weight", "100"},
     false,
     true},
    {"shares", R"({"cpu": {"shares": 2}})", "cpu", {"cpu.shares", "2"}, {"cpu.weight", "1"}},
    {"shares", R"({"cpu": {"shares": 262144}})", "cpu", {"cpu.shares", "262144"}, {"cpu.weight", "10000"}},
    {"quota",
     R"({"cpu": {"quota": 50000}})",
     "cpu",
     {"cpu.cfs_quota_us", "50000"},
     {"cpu.max", "50000 100000"}},
    {"quota",
     R"({"cpu": {"quota": 20000, "period": 40000}})",
     "cpu",
     {"cpu.cfs_quota_us", "20000"},
     {"cpu.max", "20000 40000"}},
    {"quota",
     R"({"cpu": {"quota": -1, "period": 40000}})",
     "cpu",
     {"cpu.cfs_period_us", "40000"},
     {"cpu.max", "max 40000"}},
    {"burst",
     R"({"cpu": {"quota": 50000, "burst": 10000}})",
     "cpu",
     {"cpu.cfs_burst_us", "10000"},
     {"cpu.max.burst", "10000"},
     false},
    {"idle", R"({"cpu": {"idle": 1}})", "cpu", {"cpu.idle", "1"}, {"cpu.idle", "1"}, false},
    {"cpus", R"({"cpu": {"cpus": "0", "mems": "0"}})", "cpuset", {"cpuset.cpus", "0"}, {"cpuset.cpus", "0"}},
    {"mems", R"({"cpu": {"mems": "0"}})", "cpuset", {"cpuset.mems", "0"}, {"cpuset.mems", "0"}},
    {"limit", R"({"pids": {"limit": 42}})", "pids", {"pids.max", "42"}, {"pids.max", "42"}},
    {"limit", R"({"pids": {"limit": -1}})", "pids", {"pids.max", "max"}, {"pids.max", "max"}, false, true},
    {"leafWeight", R"({"blockIO": {"leafWeight": 500}})", "blkio", kRefused, kRefused, false},
    {"hugepageLimits",
     R"({"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]})",
     "hugetlb",
     {"hugetlb.2MB.limit_in_bytes", "4194304"},
     {"hugetlb.2MB.max", "4194304"},
     false},
    {"classID",
     R"({"network": {"classID": 1048577}})",
     "net_cls",
     {"net_cls.classid", "1048577"},
     kRefused,
     false},
    {"rdma", R"({"rdma": {"no_such_card": {"hcaHandles": 3}}})", "rdma", kRefused, kRefused, false},
};

void check_limit(const Limit& limit) {
  Sandbox box;
  box.bundle.set("/linux/resources", limit.resources).probe("wait");
  int version = controller_version(limit.controller);
  const Cell& cell = version == 1 ? limit.v1 : limit.v2;
  Finished f = box.create();
  INFO(limit.resources << " on v" << version << ": " << f.err);
  if (version == 0 && limit.is_default) {
    CHECK(f.code == 0);
    return;
  }
  if (version == 0 || cell.file == nullptr) {
    CHECK(f.code == 1);
    if (!runtime_is_runc()) CHECK((f.err == saying(limit.property) || f.err == saying(limit.controller)));
    CHECK(box.leftovers().empty());
    return;
  }
  REQUIRE(f.code == 0);
  auto value = cgroup_file(limit.controller, box.cgroup(), cell.file);
  if (!value && std::string(limit.property) == "swap")
    return;  // a kernel without swap accounting has no knob
  REQUIRE(value);
  CHECK(*value == cell.value);
}

// A disk that throttles can name, "MAJOR:MINOR"; empty if there is none.
std::string a_disk() {
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
    std::string name = entry.path().filename();
    if (name.starts_with("vd") || name.starts_with("sd") || name.starts_with("nvme"))
      return words(read_text(entry.path().string() + "/dev"))[0];
  }
  return "";
}

}  // namespace

TEST_CASE("each limit is in the cgroup file that docs/limits.md names, or refused", "[limits]") {
  for (const Limit& limit : kLimits)
    if (limit.runc_agrees || !runtime_is_runc()) check_limit(limit);
}

TEST_CASE("a value that is the kernel's default is never refused", "[limits][beyond-runc]") {
  for (const char* resources :
       {R"({"memory": {"kernel": -1, "kernelTCP": -1}})", R"({"memory": {"swappiness": 60}})",
        R"({"memory": {"disableOOMKiller": false}})", R"({"memory": {"useHierarchy": true}})",
        R"({"cpu": {"shares": 1024}})", R"({"cpu": {"realtimeRuntime": 0}})", R"({"cpu": {"burst": 0}})",
        R"({"cpu": {"idle": 0}})", R"({"pids": {"limit": 0}})",
        R"({"blockIO": {"weight": 0, "leafWeight": 0}})", R"({"network": {"classID": 0}})",
        R"({"unified": {}})", R"({"hugepageLimits": []})"}) {
    Sandbox box;
    box.bundle.set("/linux/resources", resources).probe("echo ok");
    INFO(resources);
    CHECK(box.outcome() == "ok\n");
  }
}

TEST_CASE("disk throttles are set by device", "[limits]") {
  std::string disk = a_disk();
  int version = controller_version("blkio");
  if (disk.empty() || version == 0) return;
  Sandbox box;
  std::string id =
      R"("major": )" + disk.substr(0, disk.find(':')) + R"(, "minor": )" + disk.substr(disk.find(':') + 1);
  box.bundle.set("/linux/resources", R"({"blockIO": {
    "throttleReadBpsDevice": [{)" + id + R"(, "rate": 1048576}], "throttleWriteBpsDevice": [{)" +
                                         id + R"(, "rate": 2097152}],
    "throttleReadIOPSDevice": [{)" + id + R"(, "rate": 300}], "throttleWriteIOPSDevice": [{)" +
                                         id + R"(, "rate": 400}]}})");
  box.bundle.probe("wait");
  Finished f = box.create();
  INFO(f.err);
  REQUIRE(f.code == 0);
  if (version == 2) {
    CHECK(cgroup_file("blkio", box.cgroup(), "io.max") ==
          disk + " rbps=1048576 wbps=2097152 riops=300 wiops=400");
  } else {
    CHECK(cgroup_file("blkio", box.cgroup(), "blkio.throttle.read_bps_device") == disk + " 1048576");
    CHECK(cgroup_file("blkio", box.cgroup(), "blkio.throttle.write_bps_device") == disk + " 2097152");
    CHECK(cgroup_file("blkio", box.cgroup(), "blkio.throttle.read_iops_device") == disk + " 300");
    CHECK(cgroup_file("blkio", box.cgroup(), "blkio.throttle.write_iops_device") == disk + " 400");
  }
}

TEST_CASE("unified keys are files of the v2 cgroup, refused where they are not there", "[limits]") {
  Sandbox box;
  box.bundle.set("/linux/resources/unified", R"({"memory.high": "33554432"})").probe("wait");
  Finished f = box.create();
  if (controller_version("memory") == 2) {
    REQUIRE(f.code == 0);
    CHECK(cgroup_file("memory", box.cgroup(), "memory.high") == "33554432");
  } else {
    CHECK(f.code == 1);
    CHECK(f.err == saying("unified"));
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("unified keys may not be paths", "[limits]") {
  for (const char* key : {"../cgroup.procs", "sub/memory.high", ""}) {
    Sandbox box;
    box.bundle.set("/linux/resources/unified", "{" + json_string(key) + ": \"1\"}");
    Finished f = box.create();
    INFO(key);
    CHECK(f.code == 1);
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("a value that the kernel refuses is an error with limit and value", "[limits]") {
  if (controller_version("cpuset") == 0) return;
  Sandbox box;
  box.bundle.set("/linux/resources", R"({"cpu": {"cpus": "4000"}})");
  Finished f = box.create();
  CHECK(f.code == 1);
  CHECK(f.err == saying("cpus"));
  CHECK(f.err == containing("4000"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a memory hog is ended by its limit and nobody else is", "[limits]") {
  if (controller_version("memory") == 0) return;
  Sandbox box;
  box.bundle.set("/linux/resources", R"({"memory": {"limit": 16777216, "swap": 16777216}})");
  box.bundle.probe("echo start , alloc 64 , echo survived");
  Finished f = box.run();
  CHECK(f.code == 128 + 9);
  CHECK(f.out == "start\n");
}

TEST_CASE("a fork bomb stops at the pids limit", "[limits]") {
  if (controller_version("pids") == 0) return;
  Sandbox box;
  box.bundle.set("/linux/resources", R"({"pids": {"limit": 12}})").probe("fork 50");
  CHECK(box.outcome() == "forked 11 of 50 EAGAIN\n");
}

TEST_CASE("a CPU hog gets its quota", "[limits]") {
  if (controller_version("cpu") == 0) return;
  Sandbox box;
  box.bundle.set("/linux/resources", R"({"cpu": {"quota": 10000, "period": 100000}})")
      .probe("spin 400 , wait");
  box.launch();
  CHECK(eventually([&] {
    auto stat = cgroup_file("cpu", box.cgroup(), "cpu.stat");
    return stat && atoi(line_of(*stat, "nr_throttled").c_str() + 12) > 0;
  }));
}

TEST_CASE("a tiny program starts under a limit of 512 KiB", "[limits][beyond-runc]") {
  if (controller_version("memory") == 0) return;
  Sandbox box;
  box.bundle.set("/linux/resources", R"({"memory": {"limit": 524288}})").probe("exit 5");
  CHECK(box.run().code == 5);
}

TEST_CASE("every process of the container is in its cgroup, exec's too", "[cgroups]") {
  Sandbox box;
  box.bundle.probe("child , echo ready , wait");
  box.launch();
  REQUIRE(box.prints("ready"));
  CHECK(box.exec("echo x").code == 0);
  for (const char* controller : {"memory", "pids", "cpu", "blkio", "devices", "freezer", "cpuset", ""})
    if (controller_version(controller) != 0) {
      INFO(controller);
      CHECK(words(cgroup_file(controller, box.cgroup(), "cgroup.procs").value_or("")).size() == 2);
      CHECK(cgroup_of(box.pid(), controller) == box.cgroup());
    }
}

TEST_CASE("without cgroupsPath the cgroup is named after the id", "[cgroups]") {
  Sandbox box;
  box.bundle.drop("/linux/cgroupsPath").probe("wait");
  box.launch();
  CHECK(cgroup_of(box.pid(), any_controller()).ends_with("/" + box.id()));
}

TEST_CASE("a nested cgroupsPath is made and taken away", "[cgroups]") {
  Sandbox box;
  box.bundle.set("/linux/cgroupsPath", json_string(box.cgroup() + "/a/b")).probe("wait");
  box.launch();
  CHECK(cgroup_of(box.pid(), any_controller()) == box.cgroup() + "/a/b");
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(!cgroup_file(any_controller(), box.cgroup() + "/a/b", "cgroup.procs"));
  remove_cgroups_named(box.id());
}

TEST_CASE("a relative cgroupsPath is below the caller's own cgroup", "[cgroups]") {
  Sandbox box;
  box.bundle.set("/linux/cgroupsPath", json_string(box.id() + "-relative")).probe("wait");
  box.launch();
  CHECK(cgroup_of(box.pid(), any_controller()).ends_with("/" + box.id() + "-relative"));
}

TEST_CASE("cgroups that the container made inside are removed with it", "[cgroups]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  box.launch();
  REQUIRE(box.becomes("stopped"));
  for (const char* controller : {"pids", "memory", ""}) {
    std::string base = hierarchy(controller);
    if (!base.empty()) std::filesystem::create_directories(base + box.cgroup() + "/sub/subsub");
  }
  CHECK(box.remove().code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE(".. in cgroupsPath does not climb out", "[cgroups]") {
  Sandbox box;
  box.bundle.set("/linux/cgroupsPath", json_string("/../../.." + box.cgroup())).probe("wait");
  Finished f = box.create();
  if (f.code == 0) CHECK(cgroup_of(box.pid(), any_controller()) == box.cgroup());
  CHECK(box.remove({"--force"}).code == 0);
  CHECK(box.leftovers().empty());
}

TEST_CASE("a cgroup in which somebody else lives is refused", "[cgroups][beyond-runc]") {
  Sandbox first, second;
  first.bundle.probe("wait");
  first.launch();
  second.bundle.set("/linux/cgroupsPath", json_string(first.cgroup()));
  Finished f = second.create();
  CHECK(f.code == 1);
  CHECK(f.err == saying(first.cgroup()));
  CHECK(first.status() == "running");
  CHECK(second.remove({"--force"}).code == 0);
  CHECK(first.status() == "running");
}
