// Each cell of the table in docs/limits.md: what is written under that version, or that it is refused.
#include <algorithm>
#include <functional>
#include <map>

#include "base/io.h"
#include "cgroups/controllers.h"
#include "tests/catch.h"

// Rules and resources are given by the few members that matter.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

using namespace shoji;

namespace {

struct Sample {
  std::string property;
  std::function<void(Resources&)> set;            // to something that is not the default
  std::string v2, v1;                             // "file=text;file=text", or "refused"
  std::function<void(Resources&)> set_default{};  // to the kernel's default; none: there is no value for that
};

MemoryResources& memory(Resources& resources) {
  return resources.memory ? *resources.memory : resources.memory.emplace();
}
CpuResources& cpu(Resources& resources) {
  return resources.cpu ? *resources.cpu : resources.cpu.emplace();
}
BlockIoResources& io(Resources& resources) {
  return resources.block_io ? *resources.block_io : resources.block_io.emplace();
}
NetworkResources& network(Resources& resources) {
  return resources.network ? *resources.network : resources.network.emplace();
}

using R = Resources&;

std::vector<Sample> memory_samples() {
  return {
      {"memory.limit", [](R r) { memory(r).limit = 64 << 20; }, "memory.max=67108864",
       "memory.limit_in_bytes=67108864", [](R r) { memory(r).limit = -1; }},
      {"memory.reservation", [](R r) { memory(r).reservation = 1 << 20; }, "memory.low=1048576",
       "memory.soft_limit_in_bytes=1048576", [](R r) { memory(r).reservation = -1; }},
      {"memory.swap", [](R r) { memory(r).limit = 1000, memory(r).swap = 1500; },
       "memory.max=1000;memory.swap.max=500", "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1500",
       [](R r) { memory(r).swap = -1; }},
      {"memory.kernel", [](R r) { memory(r).kernel = 1 << 20; }, "refused", "refused",
       [](R r) { memory(r).kernel = -1; }},
      {"memory.kernelTCP", [](R r) { memory(r).kernel_tcp = 1 << 20; }, "refused",
       "memory.kmem.tcp.limit_in_bytes=1048576", [](R r) { memory(r).kernel_tcp = -1; }},
      {"memory.swappiness", [](R r) { memory(r).swappiness = 10; }, "refused", "memory.swappiness=10",
       [](R r) { memory(r).swappiness = 60; }},
      {"memory.disableOOMKiller", [](R r) { memory(r).disable_oom_killer = true; }, "refused",
       "memory.oom_control=1", [](R r) { memory(r).disable_oom_killer = false; }},
      {"memory.useHierarchy", [](R r) { memory(r).use_hierarchy = false; }, "refused", "refused",
       [](R r) { memory(r).use_hierarchy = true; }},
  };
}

std::vector<Sample> cpu_samples() {
  return {
      {"cpu.shares", [](R r) { cpu(r).shares = 2000; }, "cpu.weight=170", "cpu.shares=2000",
       [](R r) { cpu(r).shares = 1024; }},
      {"cpu.quota", [](R r) { cpu(r).quota = 50000; }, "cpu.max=50000", "cpu.cfs_quota_us=50000",
       [](R r) { cpu(r).quota = -1; }},
      {"cpu.period", [](R r) { cpu(r).quota = 5000, cpu(r).period = 20000; }, "cpu.max=5000 20000",
       "cpu.cfs_period_us=20000;cpu.cfs_quota_us=5000", [](R r) { cpu(r).period = 100000; }},
      {"cpu.burst", [](R r) { cpu(r).burst = 300; }, "cpu.max.burst=300", "cpu.cfs_burst_us=300",
       [](R r) { cpu(r).burst = 0; }},
      {"cpu.idle", [](R r) { cpu(r).idle = 1; }, "cpu.idle=1", "cpu.idle=1", [](R r) { cpu(r).idle = 0; }},
      {"cpu.realtimeRuntime", [](R r) { cpu(r).realtime_runtime = 9000; }, "refused",
       "cpu.rt_runtime_us=9000", [](R r) { cpu(r).realtime_runtime = 0; }},
      {"cpu.realtimePeriod", [](R r) { cpu(r).realtime_period = 9000; }, "refused", "cpu.rt_period_us=9000",
       [](R r) { cpu(r).realtime_period = 1000000; }},
      {"cpu.cpus", [](R r) { cpu(r).cpus = "0-1"; }, "cpuset.cpus=0-1", "cpuset.cpus=0-1",
       [](R r) { cpu(r).cpus = ""; }},
      {"cpu.mems", [](R r) { cpu(r).mems = "0"; }, "cpuset.mems=0", "cpuset.mems=0",
       [](R r) { cpu(r).mems = ""; }},
      {"pids.limit", [](R r) { r.pids_limit = 100; }, "pids.max=100", "pids.max=100",
       [](R r) { r.pids_limit = -1; }},
  };
}

std::vector<Sample> io_samples() {
  return {
      {"blockIO.weight", [](R r) { io(r).weight = 505; }, "io.bfq.weight=505|io.weight=default 5000",
       "blkio.bfq.weight=505|blkio.weight=505", [](R r) { io(r).weight = 0; }},
      {"blockIO.weightDevice", [](R r) { io(r).weight_device = {{8, 0, 1000, {}}}; },
       "io.bfq.weight=8:0 1000|io.weight=8:0 10000",
       "blkio.bfq.weight_device=8:0 1000|blkio.weight_device=8:0 1000",
       [](R r) { io(r).weight_device = {{8, 0, 0, {}}}; }},
      {"blockIO.leafWeight", [](R r) { io(r).leaf_weight = 10; }, "refused", "refused",
       [](R r) { io(r).leaf_weight = 0; }},
      {"blockIO.throttleReadBpsDevice", [](R r) { io(r).throttle_read_bps_device = {{8, 0, 1000}}; },
       "io.max=8:0 rbps=1000", "blkio.throttle.read_bps_device=8:0 1000",
       [](R r) { io(r).throttle_read_bps_device = {{8, 0, 0}}; }},
      {"blockIO.throttleWriteBpsDevice",
       [](R r) { io(r).throttle_write_bps_device = {{8, 0, 1000}, {8, 16, 5}}; },
       "io.max=8:0 wbps=1000;io.max=8:16 wbps=5",
       "blkio.throttle.write_bps_device=8:0 1000;blkio.throttle.write_bps_device=8:16 5",
       [](R r) { io(r).throttle_write_bps_device = {{8, 0, 0}}; }},
      {"blockIO.throttleReadIOPSDevice", [](R r) { io(r).throttle_read_iops_device = {{8, 0, 7}}; },
       "io.max=8:0 riops=7", "blkio.throttle.read_iops_device=8:0 7",
       [](R r) { io(r).throttle_read_iops_device = {{8, 0, 0}}; }},
      {"blockIO.throttleWriteIOPSDevice", [](R r) { io(r).throttle_write_iops_device = {{8, 0, 7}}; },
       "io.max=8:0 wiops=7", "blkio.throttle.write_iops_device=8:0 7",
       [](R r) { io(r).throttle_write_iops_device = {{8, 0, 0}}; }},
  };
}

std::vector<Sample> other_samples() {
  return {
      {"hugepageLimits", [](R r) { r.hugepage_limits = {{"2MB", 4 << 20}}; },
       "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304",
       "hugetlb.2MB.limit_in_bytes=4194304;hugetlb.2MB.rsvd.limit_in_bytes=4194304"},
      {"rdma", [](R r) { r.rdma = {{"mlx5_1", 3, 10000}}; }, "rdma.max=mlx5_1 hca_handle=3 hca_object=10000",
       "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"},
      {"network.classID", [](R r) { network(r).class_id = 1048577; }, "refused", "net_cls.classid=1048577",
       [](R r) { network(r).class_id = 0; }},
      {"network.priorities", [](R r) { network(r).priorities = {{"eth0", 5}}; }, "refused",
       "net_prio.ifpriomap=eth0 5", [](R r) { network(r).priorities = {{"eth0", 0}}; }},
  };
}

std::vector<Sample> samples() {
  std::vector<Sample> all = memory_samples();
  for (auto more : {cpu_samples(), io_samples(), other_samples()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

Result<KnobWrites> plan_all(const Resources& resources, bool v2) {
  KnobWrites writes;
  for (const ControllerRow& row : controller_rows()) TRY((v2 ? row.plan_v2 : row.plan_v1)(resources, writes));
  return writes;
}

std::string outcome(const Resources& resources, bool v2) {
  auto writes = plan_all(resources, v2);
  if (!writes) {
    CHECK(writes.error().kind == Kind::kUnsupported);
    CHECK(writes.error().text.starts_with("limit "));
    return "refused";
  }
  std::string text;
  for (const KnobWrite& write : *writes) {
    text += cat(text.empty() ? "" : ";", write.file, '=', write.text);
    if (!write.other_file.empty()) text += cat('|', write.other_file, '=', write.other_text);
  }
  return text;
}

struct DocumentedCell {
  std::string verdict, text;
};

std::string trim(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// property -> {v2, v1}
std::map<std::string, std::array<DocumentedCell, 2>> documented() {
  std::map<std::string, std::array<DocumentedCell, 2>> table;
  auto text = read_file(SHOJI_SOURCE_DIR "/docs/limits.md");
  REQUIRE(text);
  size_t start = 0;
  for (size_t end = 0; (end = text->find('\n', start)) != std::string::npos; start = end + 1) {
    std::string line = text->substr(start, end - start);
    if (!line.starts_with("| `")) continue;
    size_t name_end = line.find('`', 3);
    size_t first = line.find('|', name_end), second = line.find('|', first + 1),
           third = line.find('|', second + 1);
    REQUIRE(third != std::string::npos);
    auto cell = [&](size_t from, size_t to) {
      std::string content = trim(line.substr(from + 1, to - from - 1));
      return DocumentedCell{content.substr(0, content.find(':')), content};
    };
    table[line.substr(3, name_end - 3)] = {cell(first, second), cell(second, third)};
  }
  return table;
}

void check_cell(const DocumentedCell& cell, const std::string& expected) {
  CAPTURE(cell.text, expected);
  if (expected == "refused") {
    CHECK(cell.verdict == "refused");
    return;
  }
  CHECK((cell.verdict == "exact" || cell.verdict == "approximated"));
  // Every file of the sample that carries the value is named.
  for (size_t at = 0; at != std::string::npos; at = expected.find_first_of(";|", at)) {
    at += at == 0 ? 0 : 1;
    std::string file = expected.substr(at, expected.find('=', at) - at);
    bool helper = file == "memory.max" && cell.text.find("swap") != std::string::npos;
    helper |= file == "memory.limit_in_bytes" && cell.text.find("memsw") != std::string::npos;
    helper |= file == "cpu.cfs_quota_us" && cell.text.find("period") != std::string::npos;
    CHECK((helper || cell.text.find('`' + file + '`') != std::string::npos));
  }
}

}  // namespace

TEST_CASE("limits: each cell of docs/limits.md is what the planners do") {
  auto table = documented();
  for (const Sample& sample : samples()) {
    CAPTURE(sample.property);
    Resources resources;
    sample.set(resources);
    CHECK(outcome(resources, true) == sample.v2);
    CHECK(outcome(resources, false) == sample.v1);
    REQUIRE(table.contains(sample.property));
    check_cell(table[sample.property][0], sample.v2);
    check_cell(table[sample.property][1], sample.v1);
    table.erase(sample.property);
  }
  // What remains is not made of knobs: devices_test.cc and apply_test.cc look at those.
  CHECK(table.size() == 2);
  CHECK(table.contains("devices"));
  CHECK(table.contains("unified"));
}

TEST_CASE("limits: the kernel's default is never refused, and marked as such") {
  for (const Sample& sample : samples()) {
    if (!sample.set_default) continue;
    CAPTURE(sample.property);
    Resources resources;
    sample.set_default(resources);
    for (bool v2 : {true, false}) {
      auto writes = plan_all(resources, v2);
      REQUIRE(writes);
      CHECK(std::ranges::all_of(*writes, &KnobWrite::is_default));
    }
  }
}

TEST_CASE("limits: shares become weights as in runc and crun") {
  CHECK(cpu_weight_from_shares(0) == 1);
  CHECK(cpu_weight_from_shares(2) == 1);
  CHECK(cpu_weight_from_shares(1024) == 100);
  CHECK(cpu_weight_from_shares(2000) == 170);    // runc issue 4896
  CHECK(cpu_weight_from_shares(22000) == 1204);  // youki pull request 3274
  CHECK(cpu_weight_from_shares(262144) == 10000);
  CHECK(cpu_weight_from_shares(1 << 30) == 10000);
  CHECK(io_weight_from_blkio(10) == 1);
  CHECK(io_weight_from_blkio(1000) == 10000);
}

TEST_CASE("limits: memory and swap in relation") {
  Resources resources;
  memory(resources).limit = -1;
  CHECK(outcome(resources, true) == "memory.max=max;memory.swap.max=max");
  CHECK(outcome(resources, false) == "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1");
  memory(resources) = {.limit = 1000, .swap = 1000};
  CHECK(outcome(resources, true) == "memory.max=1000;memory.swap.max=0");
  memory(resources) = {.limit = 1000, .swap = -1};
  CHECK(outcome(resources, true) == "memory.max=1000;memory.swap.max=max");
  memory(resources) = {.limit = 0, .reservation = 0, .swap = 0};
  CHECK(outcome(resources, true).empty());
}

TEST_CASE("limits: what is wrong on any host is invalid") {
  auto invalid = [](const std::function<void(R)>& set, bool v2 = true) {
    Resources resources;
    set(resources);
    auto writes = plan_all(resources, v2);
    return !writes && writes.error().kind == Kind::kInvalid;
  };
  CHECK(invalid([](R r) { memory(r) = {.limit = 1000, .swap = 999}; }));
  CHECK(invalid([](R r) { memory(r) = {.limit = 1000, .swap = 999}; }, false));
  CHECK(invalid([](R r) { memory(r).swap = 999; }));
  CHECK(invalid([](R r) { memory(r).limit = -2; }));
  CHECK(invalid([](R r) { memory(r).swappiness = 101; }, false));
  CHECK(invalid([](R r) { cpu(r).quota = -2; }));
  CHECK(invalid([](R r) { io(r).weight = 9; }));
  CHECK(invalid([](R r) { io(r).weight_device = {{8, 0, 1001, {}}}; }));
  CHECK(invalid([](R r) { r.hugepage_limits = {{"2M", 1}}; }));
  CHECK(invalid([](R r) { r.hugepage_limits = {{"../2MB", 1}}; }));
}

TEST_CASE("limits: a group that is idle has no shares; no longer idle, it may have them") {
  Resources resources;
  cpu(resources).shares = 2000;
  cpu(resources).idle = 1;
  CHECK(outcome(resources, true) == "cpu.idle=1");
  cpu(resources).idle = 0;
  CHECK(outcome(resources, true) == "cpu.idle=0;cpu.weight=170");
}

TEST_CASE("limits: a period alone keeps the quota") {
  Resources resources;
  cpu(resources).period = 20000;
  auto writes = plan_all(resources, true);
  REQUIRE(writes);
  REQUIRE(writes->size() == 1);
  CHECK(writes->front().keep_first_word);
  CHECK(writes->front().text == "20000");
}

TEST_CASE("limits: unified keys are file names, and their lines single writes") {
  KnobWrites writes;
  Resources resources;
  resources.unified = {{"io.max", "8:0 rbps=1\n8:16 rbps=2"}, {"memory.high", "1000"}};
  REQUIRE(plan_unified(resources, writes));
  REQUIRE(writes.size() == 3);
  CHECK(writes[1].file == "io.max");
  CHECK(writes[1].text == "8:16 rbps=2");
  CHECK(writes[2].limit == "unified \"memory.high\" = \"1000\"");
  for (const char* key : {"../memory.max", "a/b.c", "memory", ""}) {
    resources.unified = {{key, "1"}};
    auto refused = plan_unified(resources, writes);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Kind::kInvalid);
  }
}

TEST_CASE("limits: sizes in messages") {
  CHECK(human_bytes(64 << 20) == "64 MiB");
  CHECK(human_bytes(1000) == "1000 bytes");
  CHECK(human_bytes(0) == "0 bytes");
  CHECK(human_bytes(uint64_t{3} << 40) == "3 TiB");
  CHECK(human_bytes(uint64_t{2048} << 40) == "2048 TiB");
}
