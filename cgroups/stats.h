#pragma once
// What a container uses, with the same meaning whichever hierarchy a controller lives in. An absent value is
// an empty optional: the controller or the knob is not there. "No limit" is kUnlimited.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shoji {

inline constexpr uint64_t kUnlimited = ~uint64_t{0};

struct CpuStats {
  std::optional<uint64_t> usage_ns, user_ns, system_ns;
  std::optional<uint64_t> periods, throttled_periods, throttled_ns;
};

struct MemoryStats {
  std::optional<uint64_t> usage, limit, peak;
  std::optional<uint64_t> swap_usage, swap_limit;  // swap alone, without memory
  std::optional<uint64_t> limit_hits;              // how often usage ran into the limit
  std::optional<uint64_t> oom_kills;
  std::vector<std::pair<std::string, uint64_t>> detail;  // memory.stat, with the kernel's names
};

struct PidsStats {
  std::optional<uint64_t> current, limit, limit_hits;
};

struct IoDeviceStats {
  uint32_t major = 0, minor = 0;
  uint64_t read_bytes = 0, write_bytes = 0, reads = 0, writes = 0;
};

struct HugetlbStats {
  std::string page_size;  // "2MB"
  uint64_t usage = 0, limit_hits = 0;
};

// PSI: shares of time in percent, hundredfold, and the total in microseconds.
struct PressureStats {
  uint32_t some_avg10 = 0, some_avg60 = 0, some_avg300 = 0, full_avg10 = 0, full_avg60 = 0, full_avg300 = 0;
  uint64_t some_total_us = 0, full_total_us = 0;
};

struct CgroupStats {
  CpuStats cpu;
  MemoryStats memory;
  PidsStats pids;
  std::vector<IoDeviceStats> io;
  std::vector<HugetlbStats> hugetlb;
  std::optional<PressureStats> cpu_pressure, memory_pressure, io_pressure;
};

}  // namespace shoji
