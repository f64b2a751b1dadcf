// CPU time: shares, bandwidth, burst, idle, realtime.
#include <cmath>

#include "cgroups/controllers.h"

namespace shoji {
namespace {

constexpr uint64_t kDefaultShares = 1024;
constexpr uint64_t kDefaultPeriod = 100000;           // microseconds, cpu.cfs_period_us and cpu.max
constexpr uint64_t kDefaultRealtimePeriod = 1000000;  // microseconds, sched-rt-group.rst

template <typename Number>
KnobWrite number_knob(const char* file, const char* name, Number value, bool is_default) {
  return {.file = file, .text = cat(value), .limit = cat(name, ' ', value), .is_default = is_default};
}

Result<> check_quota(const CpuResources& cpu) {
  if (cpu.quota.value_or(0) >= -1) return {};
  return fail(Kind::kInvalid,
              cat("limit cpu quota ", *cpu.quota, ": must be -1 (unlimited), 0 (not set) or microseconds"));
}

// A group that only gets idle time has no share of the rest: the kernel refuses both together (EINVAL). So
// idle goes first, to make room for the shares when it ends, and 1 leaves the shares out.
void plan_idle(const CpuResources& cpu, KnobWrites& out) {
  if (cpu.idle) out.push_back(number_knob("cpu.idle", "cpu idle", *cpu.idle, *cpu.idle == 0));
}

bool has_shares(const CpuResources& cpu) {
  return cpu.shares.value_or(0) != 0 && cpu.idle.value_or(0) != 1;
}

}  // namespace

// shares 2, 1024 and 262144 become weight 1, 100 and 10000: minimum, default and maximum on both sides. The
// curve between is the one that runc has since 1.3.2 and crun since 1.23 (before, 1024 became 39).
uint64_t cpu_weight_from_shares(uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  double l = std::log2(static_cast<double>(shares));
  double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<uint64_t>(std::ceil(std::pow(10, exponent)));
}

Result<> plan_cpu_v1(const Resources& resources, KnobWrites& out) {
  if (!resources.cpu) return {};
  const CpuResources& cpu = *resources.cpu;
  TRY(check_quota(cpu));
  plan_idle(cpu, out);
  if (has_shares(cpu))
    out.push_back(number_knob("cpu.shares", "cpu shares", *cpu.shares, *cpu.shares == kDefaultShares));
  // Whichever of these comes too early for the values in force (EINVAL) is written again after the others.
  if (uint64_t period = cpu.period.value_or(0)) {
    out.push_back(number_knob("cpu.cfs_period_us", "cpu period", period, period == kDefaultPeriod));
  }
  if (int64_t quota = cpu.quota.value_or(0)) {
    out.push_back(number_knob("cpu.cfs_quota_us", "cpu quota", quota, quota < 0));
  }
  if (cpu.burst) out.push_back(number_knob("cpu.cfs_burst_us", "cpu burst", *cpu.burst, *cpu.burst == 0));
  if (uint64_t period = cpu.realtime_period.value_or(0)) {
    out.push_back(
        number_knob("cpu.rt_period_us", "cpu realtimePeriod", period, period == kDefaultRealtimePeriod));
  }
  if (cpu.realtime_runtime) {
    out.push_back(number_knob("cpu.rt_runtime_us", "cpu realtimeRuntime", *cpu.realtime_runtime,
                              *cpu.realtime_runtime == 0));
  }
  return {};
}

Result<> plan_cpu_v2(const Resources& resources, KnobWrites& out) {
  if (!resources.cpu) return {};
  const CpuResources& cpu = *resources.cpu;
  TRY(check_quota(cpu));
  plan_idle(cpu, out);
  if (has_shares(cpu)) {
    KnobWrite write = number_knob("cpu.weight", "cpu shares", *cpu.shares, *cpu.shares == kDefaultShares);
    write.text = cat(cpu_weight_from_shares(*cpu.shares));
    out.push_back(std::move(write));
  }
  int64_t quota = cpu.quota.value_or(0);
  uint64_t period = cpu.period.value_or(0);
  if (quota != 0) {
    KnobWrite write = number_knob("cpu.max", "cpu quota", quota, quota < 0);
    write.text = quota < 0 ? "max" : cat(quota);
    if (period != 0) {
      write.text += cat(' ', period);
      write.is_default = write.is_default && period == kDefaultPeriod;
    }
    out.push_back(std::move(write));
  } else if (period != 0) {
    KnobWrite write = number_knob("cpu.max", "cpu period", period, period == kDefaultPeriod);
    write.keep_first_word = true;
    out.push_back(std::move(write));
  }
  if (cpu.burst) out.push_back(number_knob("cpu.max.burst", "cpu burst", *cpu.burst, *cpu.burst == 0));
  bool realtime = cpu.realtime_runtime.value_or(0) != 0;
  if (realtime || cpu.realtime_period.value_or(kDefaultRealtimePeriod) != kDefaultRealtimePeriod) {
    return fail(Kind::kUnsupported, cat("limit cpu ", realtime ? "realtimeRuntime" : "realtimePeriod",
                                        ": cgroup v2 has no realtime budget per cgroup"));
  }
  return {};
}

}  // namespace shoji
