// The same figures out of v1 and v2 files.
#include "cgroups/stats.h"

#include "cgroups/manager.h"
#include "tests/catch.h"
#include "tests/cgroups/fixture.h"

using namespace shoji;
using namespace shoji::fixture;

namespace {

Node sys_fs_cgroup(std::vector<Node> inside) {
  return dir("sys", {dir("fs", {dir("cgroup", std::move(inside))})});
}

CgroupStats stats_of(const Tree& tree) {
  auto host = CgroupHost::detect_at(tree.root());
  REQUIRE(host);
  auto cgroup = Cgroup::plan(*host, "/web", "web");
  REQUIRE(cgroup);
  auto stats = cgroup->stats();
  REQUIRE(stats);
  return *stats;
}

}  // namespace

TEST_CASE("stats: v2") {
  Tree tree(
      {proc_unified(),
       sys_fs_cgroup({v2_cgroup(
           "web", "cpu memory",
           {file(
                "cpu.stat",
                "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 9\nnr_throttled 1\nthrottled_usec 7\n"),
            file("memory.current", "4096\n"), file("memory.max", "max\n"), file("memory.swap.max", "100\n"),
            file("memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n"),
            file("memory.stat", "anon 1\nfile 2\n"), file("pids.current", "2\n"), file("pids.max", "10\n"),
            file("pids.events", "max 4\n"),
            file("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"),
            file("hugetlb.2MB.current", "2097152\n"), file("hugetlb.2MB.rsvd.current", "0\n"),
            file("hugetlb.2MB.events", "max 6\n"),
            file("memory.pressure",
                 "some avg10=1.25 avg60=0.07 avg300=0.00 total=99\n"
                 "full avg10=0.50 avg60=0.00 avg300=100.00 total=12\n")})})});
  CgroupStats stats = stats_of(tree);
  CHECK(stats.cpu.usage_ns == 5000);
  CHECK(stats.cpu.throttled_periods == 1);
  CHECK(stats.cpu.throttled_ns == 7000);
  CHECK(stats.memory.usage == 4096);
  CHECK(stats.memory.limit == kUnlimited);
  CHECK(stats.memory.swap_limit == 100);
  CHECK_FALSE(stats.memory.peak.has_value());
  CHECK(stats.memory.limit_hits == 3);
  CHECK(stats.memory.oom_kills == 2);
  CHECK(stats.memory.detail.size() == 2);
  CHECK(stats.pids.current == 2);
  CHECK(stats.pids.limit == 10);
  CHECK(stats.pids.limit_hits == 4);
  REQUIRE(stats.io.size() == 1);
  CHECK(stats.io[0].write_bytes == 2);
  CHECK(stats.io[0].reads == 3);
  REQUIRE(stats.hugetlb.size() == 1);
  CHECK(stats.hugetlb[0].page_size == "2MB");
  CHECK(stats.hugetlb[0].usage == 2097152);
  CHECK(stats.hugetlb[0].limit_hits == 6);
  REQUIRE(stats.memory_pressure);
  CHECK(stats.memory_pressure->some_avg10 == 125);
  CHECK(stats.memory_pressure->some_avg60 == 7);
  CHECK(stats.memory_pressure->full_avg300 == 10000);
  CHECK(stats.memory_pressure->full_total_us == 12);
  CHECK_FALSE(stats.io_pressure.has_value());
}

TEST_CASE("stats: v1 beside v2") {
  std::vector<Node> mounts = {
      dir("cpu", {dir("web", {file("cpu.stat", "nr_periods 9\nnr_throttled 1\nthrottled_time 7\n")})}),
      dir("cpuacct", {dir("web", {file("cpuacct.usage", "50\n"), file("cpuacct.usage_user", "30\n"),
                                  file("cpuacct.usage_sys", "20\n")})}),
      dir("memory",
          {dir("web",
               {file("memory.usage_in_bytes", "4096\n"), file("memory.limit_in_bytes", "8192\n"),
                file("memory.memsw.usage_in_bytes", "5096\n"),
                file("memory.memsw.limit_in_bytes", "9223372036854771712\n"), file("memory.failcnt", "3\n"),
                file("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")})}),
      dir("blkio", {dir("web", {file("blkio.throttle.io_service_bytes_recursive",
                                     "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n"),
                                file("blkio.throttle.io_serviced_recursive", "8:0 Read 3\n8:0 Write 4\n")})}),
      dir("pids", {dir("web", {file("pids.current", "2\n"), file("pids.max", "max\n")})}),
      dir("unified", {v2_cgroup("web", "", {file("cpu.stat", "usage_usec 1\n")})})};
  for (const char* rest : {"cpuset", "devices", "freezer", "systemd"})
    mounts.push_back(dir(rest, {dir("web")}));
  Tree tree({proc_hybrid(), sys_fs_cgroup(std::move(mounts))});
  CgroupStats stats = stats_of(tree);
  CHECK(stats.cpu.usage_ns == 50);
  CHECK(stats.cpu.system_ns == 20);
  CHECK(stats.cpu.throttled_ns == 7);
  CHECK(stats.memory.usage == 4096);
  CHECK(stats.memory.limit == 8192);
  CHECK(stats.memory.swap_usage == 1000);
  CHECK(stats.memory.swap_limit == kUnlimited);
  CHECK(stats.memory.oom_kills == 2);
  CHECK(stats.pids.limit == kUnlimited);
  REQUIRE(stats.io.size() == 1);
  CHECK(stats.io[0].read_bytes == 1);
  CHECK(stats.io[0].writes == 4);
}
