// Cgroup::stats(): the same figures from v1 and v2 files.
#include "cgroups/stats.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <tuple>

#include "cgroups/manager.h"

namespace shoji {
namespace {

using Fields = std::vector<std::pair<std::string, uint64_t>>;

// v1 writes "no limit" as the largest multiple of the page size.
constexpr uint64_t kLegacyUnlimited = 0x7ffffffffffff000 & ~uint64_t{0xffff};

std::optional<uint64_t> parse_number(std::string_view text) {
  if (text == "max") return kUnlimited;
  uint64_t value = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return {};
  return value;
}

std::optional<uint64_t> number(const Place& place, const std::string& file) {
  auto text = read_knob(place, file);
  if (!text) return {};
  auto value = parse_number(*text);
  if (value && !place.unified && *value >= kLegacyUnlimited) return kUnlimited;
  return value;
}

template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// "name number" lines.
Fields fields(const Place& place, const std::string& file) {
  Fields out;
  auto text = read_knob(place, file);
  if (!text) return out;
  for_each_line(*text, [&](std::string_view line) {
    size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    if (auto value = parse_number(line.substr(space + 1))) out.emplace_back(line.substr(0, space), *value);
  });
  return out;
}

std::optional<uint64_t> field(const Fields& list, std::string_view name, uint64_t factor = 1) {
  auto found = std::ranges::find(list, name, &Fields::value_type::first);
  if (found == list.end()) return {};
  return found->second * factor;
}

std::optional<uint64_t> difference(std::optional<uint64_t> sum, std::optional<uint64_t> part) {
  if (!sum || !part) return {};
  if (*sum == kUnlimited) return kUnlimited;
  return *sum > *part ? *sum - *part : 0;
}

void read_cpu_v2(const Place& place, CpuStats& cpu) {
  Fields stat = fields(place, "cpu.stat");
  cpu.usage_ns = field(stat, "usage_usec", 1000);
  cpu.user_ns = field(stat, "user_usec", 1000);
  cpu.system_ns = field(stat, "system_usec", 1000);
  cpu.periods = field(stat, "nr_periods");
  cpu.throttled_periods = field(stat, "nr_throttled");
  cpu.throttled_ns = field(stat, "throttled_usec", 1000);
}

void read_cpu_v1(const Place* cpu_place, const Place* usage_place, CpuStats& cpu) {
  if (usage_place != nullptr) {
    cpu.usage_ns = number(*usage_place, "cpuacct.usage");
    cpu.user_ns = number(*usage_place, "cpuacct.usage_user");
    cpu.system_ns = number(*usage_place, "cpuacct.usage_sys");
  }
  if (cpu_place == nullptr) return;
  Fields stat = fields(*cpu_place, "cpu.stat");
  cpu.periods = field(stat, "nr_periods");
  cpu.throttled_periods = field(stat, "nr_throttled");
  cpu.throttled_ns = field(stat, "throttled_time");
}

void read_memory_v2(const Place& place, MemoryStats& memory) {
  memory.usage = number(place, "memory.current");
  memory.limit = number(place, "memory.max");
  memory.peak = number(place, "memory.peak");
  memory.swap_usage = number(place, "memory.swap.current");
  memory.swap_limit = number(place, "memory.swap.max");
  Fields events = fields(place, "memory.events");
  memory.limit_hits = field(events, "max");
  memory.oom_kills = field(events, "oom_kill");
  memory.detail = fields(place, "memory.stat");
}

void read_memory_v1(const Place& place, MemoryStats& memory) {
  memory.usage = number(place, "memory.usage_in_bytes");
  memory.limit = number(place, "memory.limit_in_bytes");
  memory.peak = number(place, "memory.max_usage_in_bytes");
  memory.swap_usage = difference(number(place, "memory.memsw.usage_in_bytes"), memory.usage);
  memory.swap_limit = difference(number(place, "memory.memsw.limit_in_bytes"), memory.limit);
  memory.limit_hits = number(place, "memory.failcnt");
  memory.oom_kills = field(fields(place, "memory.oom_control"), "oom_kill");
  memory.detail = fields(place, "memory.stat");
}

void read_pids(const Place& place, PidsStats& pids) {
  pids.current = number(place, "pids.current");
  pids.limit = number(place, "pids.max");
  pids.limit_hits = field(fields(place, "pids.events"), "max");
}

// "8:0": the entry of that disk, made if it is new.
IoDeviceStats* io_device(std::vector<IoDeviceStats>& io, std::string_view name) {
  size_t colon = name.find(':');
  if (colon == std::string_view::npos) return nullptr;
  auto major = parse_number(name.substr(0, colon));
  auto minor = parse_number(name.substr(colon + 1));
  if (!major || !minor) return nullptr;
  for (IoDeviceStats& known : io) {
    if (known.major == *major && known.minor == *minor) return &known;
  }
  io.push_back({.major = static_cast<uint32_t>(*major), .minor = static_cast<uint32_t>(*minor)});
  return &io.back();
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"
void read_io_v2(const Place& place, std::vector<IoDeviceStats>& io) {
  auto text = read_knob(place, "io.stat");
  if (!text) return;
  for_each_line(*text, [&](std::string_view line) {
    size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    IoDeviceStats* device = io_device(io, line.substr(0, space));
    if (device == nullptr) return;
    auto value = [&](std::string_view key) {
      size_t at = line.find(key);
      return at == std::string_view::npos ? 0 : parse_number(line.substr(at + key.size())).value_or(0);
    };
    device->read_bytes = value(" rbytes=");
    device->write_bytes = value(" wbytes=");
    device->reads = value(" rios=");
    device->writes = value(" wios=");
  });
}

// "8:0 Read 1", "8:0 Write 2" and others
void read_io_v1(const Place& place, const std::string& file, uint64_t IoDeviceStats::* reads,
                uint64_t IoDeviceStats::* writes, std::vector<IoDeviceStats>& io) {
  auto text = read_knob(place, file);
  if (!text) return;
  for_each_line(*text, [&](std::string_view line) {
    size_t first = line.find(' ');
    size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) return;
    std::string_view what = line.substr(first + 1, second - first - 1);
    if (what != "Read" && what != "Write") return;
    if (IoDeviceStats* device = io_device(io, line.substr(0, first))) {
      device->*(what == "Read" ? reads : writes) = parse_number(line.substr(second + 1)).value_or(0);
    }
  });
}

// One entry per page size: the sizes are in the names of the knobs.
void read_hugetlb(const Place& place, std::vector<HugetlbStats>& out) {
  constexpr std::string_view kPrefix = "hugetlb.";
  std::string_view suffix = place.unified ? ".current" : ".usage_in_bytes";
  UniqueFd fd(openat(place.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fd ? fdopendir(fd.get()) : nullptr,
                                             [](DIR* dir) { return closedir(dir); });
  if (!stream) return;
  std::ignore = fd.release();
  while (dirent* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix) || !name.ends_with(suffix) || name.find(".rsvd") != std::string_view::npos)
      continue;
    HugetlbStats stats;
    stats.page_size = name.substr(kPrefix.size(), name.size() - kPrefix.size() - suffix.size());
    stats.usage = number(place, std::string(name)).value_or(0);
    std::string base = cat(kPrefix, stats.page_size);
    stats.limit_hits = place.unified ? field(fields(place, base + ".events"), "max").value_or(0)
                                     : number(place, base + ".failcnt").value_or(0);
    out.push_back(std::move(stats));
  }
  std::ranges::sort(out, {}, &HugetlbStats::page_size);
}

uint32_t hundredths(std::string_view text) {
  uint64_t whole = parse_number(text).value_or(0);
  size_t dot = text.find('.');
  uint64_t part = dot == std::string_view::npos ? 0 : parse_number(text.substr(dot + 1, 2)).value_or(0);
  return static_cast<uint32_t>(whole * 100 + part);
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and "full ..."
std::optional<PressureStats> pressure(const Place& place, const std::string& file) {
  auto text = read_knob(place, file);
  if (!text) return {};
  PressureStats stats;
  for_each_line(*text, [&](std::string_view line) {
    auto value = [&](std::string_view key) {
      size_t at = line.find(key);
      return at == std::string_view::npos ? std::string_view() : line.substr(at + key.size());
    };
    bool some = line.starts_with("some");
    (some ? stats.some_avg10 : stats.full_avg10) = hundredths(value("avg10="));
    (some ? stats.some_avg60 : stats.full_avg60) = hundredths(value("avg60="));
    (some ? stats.some_avg300 : stats.full_avg300) = hundredths(value("avg300="));
    (some ? stats.some_total_us : stats.full_total_us) = parse_number(value("total=")).value_or(0);
  });
  return stats;
}

}  // namespace

Result<CgroupStats> Cgroup::stats() {
  for (Place& place : places_) TRY(open_place(place));
  CgroupStats stats;
  const Place* v2 = unified();
  auto v1 = [&](Controller controller) -> const Place* {
    const Place* place = place_of(places_, controller);
    return place != nullptr && !place->unified ? place : nullptr;
  };
  const Place* cpu = v1(Controller::kCpu);
  const Place* cpuacct = v1(Controller::kCpuacct);
  if (v2 != nullptr) read_cpu_v2(*v2, stats.cpu);
  if (cpu != nullptr || cpuacct != nullptr) read_cpu_v1(cpu, cpuacct, stats.cpu);
  if (const Place* memory = v1(Controller::kMemory)) {
    read_memory_v1(*memory, stats.memory);
  } else if (v2 != nullptr) {
    read_memory_v2(*v2, stats.memory);
  }
  if (const Place* pids = place_of(places_, Controller::kPids)) read_pids(*pids, stats.pids);
  if (const Place* io = v1(Controller::kIo)) {
    read_io_v1(*io, "blkio.throttle.io_service_bytes_recursive", &IoDeviceStats::read_bytes,
               &IoDeviceStats::write_bytes, stats.io);
    read_io_v1(*io, "blkio.throttle.io_serviced_recursive", &IoDeviceStats::reads, &IoDeviceStats::writes,
               stats.io);
  } else if (v2 != nullptr) {
    read_io_v2(*v2, stats.io);
  }
  if (const Place* hugetlb = place_of(places_, Controller::kHugetlb)) read_hugetlb(*hugetlb, stats.hugetlb);
  if (v2 != nullptr) {
    stats.cpu_pressure = pressure(*v2, "cpu.pressure");
    stats.memory_pressure = pressure(*v2, "memory.pressure");
    stats.io_pressure = pressure(*v2, "io.pressure");
  }
  return stats;
}

}  // namespace shoji
