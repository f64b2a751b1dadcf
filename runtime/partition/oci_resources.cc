#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "runtime/partition/oci_sections.h"

namespace shoji::oci_sections {

namespace {

constexpr uint64_t kPeriod = 100'000;  // microseconds: the kernel's default of cpu.max

struct DeviceWords {
  std::string source, target, access = "rwm";
};

// "/dev/fuse[:/dev/fuse[:rwm]]", as podman.
Result<DeviceWords> split_device(std::string_view text, size_t index) {
  DeviceWords out;
  size_t first = text.find(':');
  out.source = text.substr(0, first);
  out.target = out.source;
  if (first != std::string_view::npos) {
    std::string_view rest = text.substr(first + 1);
    size_t second = rest.find(':');
    std::string_view last = second == std::string_view::npos ? rest : rest.substr(second + 1);
    bool access = !last.empty() && last.find_first_not_of("rwm") == std::string_view::npos;
    if (second != std::string_view::npos || !access) out.target = rest.substr(0, second);
    if (access) out.access = last;
  }
  if (out.source.starts_with('/') && out.target.starts_with('/')) return out;
  return fail(Kind::kInvalid, cat("/security/devices/", index, ": ", quote(text),
                                  " is not PATH[:PATH][:ACCESS] with absolute paths"));
}

Result<struct stat> device_of(const DeviceWords& words, size_t index) {
  struct stat info{};
  if (stat(words.source.c_str(), &info) != 0)
    return fail_errno(errno, cat("/security/devices/", index, ": ", quote(words.source)));
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
    return fail(Kind::kInvalid, cat("/security/devices/", index, ": ", quote(words.source), " is no device"));
  return info;
}

uint64_t resolve(const Amount& amount, uint64_t host) {
  if (!amount.of_host) return amount.value;
  return host / 10'000 * amount.value + host % 10'000 * amount.value / 10'000;
}

// memory.swap of the runtime specification is the sum of both; ours is what comes on top.
void write_memory(JsonWriter& out, const PartitionLimits& limits, uint64_t host) {
  if (!limits.memory && !limits.swap) return;
  out.key("memory").begin_object();
  if (limits.memory) {
    uint64_t memory = resolve(*limits.memory, host);
    out.member("limit", memory);
    if (limits.swap) out.member("swap", memory + resolve(*limits.swap, host));
  }
  out.end_object();
}

// cgroup v1 has shares, 1024 for everybody: the same proportions.
uint64_t shares(uint64_t weight) {
  uint64_t out = weight * 1024 / 100;
  return out < 2 ? 2 : out;
}

void write_cpu(JsonWriter& out, const PartitionLimits& limits) {
  if (!limits.cpu && !limits.cpu_weight && limits.cpus.empty() && limits.mems.empty()) return;
  out.key("cpu").begin_object();
  if (limits.cpu_weight) out.member("shares", shares(*limits.cpu_weight));
  if (limits.cpu) out.member("quota", *limits.cpu * kPeriod / 1000).member("period", kPeriod);
  if (limits.cpu_burst) out.member("burst", *limits.cpu_burst);
  if (!limits.cpus.empty()) out.member("cpus", limits.cpus);
  if (!limits.mems.empty()) out.member("mems", limits.mems);
  out.end_object();
}

Result<> write_block_io(JsonWriter& out, const PartitionLimits& limits, const PartitionGround& ground) {
  struct Throttle {
    std::string_view pointer, key;
    const std::optional<uint64_t>& value;
  };
  const Throttle kThrottles[] = {{"ioRead", "throttleReadBpsDevice", limits.io_read},
                                 {"ioWrite", "throttleWriteBpsDevice", limits.io_write},
                                 {"iopsRead", "throttleReadIOPSDevice", limits.iops_read},
                                 {"iopsWrite", "throttleWriteIOPSDevice", limits.iops_write}};
  bool any = limits.io_weight.has_value();
  for (const Throttle& throttle : kThrottles) any = any || throttle.value;
  if (!any) return {};
  out.key("blockIO").begin_object();
  // The specification's range is 10..1000 with 100 in the middle, cgroup v2's 1..10000.
  if (limits.io_weight) {
    uint64_t weight = *limits.io_weight;
    out.member("weight", weight < 10 ? uint64_t{10} : weight > 1000 ? uint64_t{1000} : weight);
  }
  for (const Throttle& throttle : kThrottles) {
    if (!throttle.value) continue;
    if (!ground.disk)
      return fail(Kind::kUnsupported, cat("/limits/", throttle.pointer,
                                          ": the store is on no block device that could be limited"));
    out.key(throttle.key).begin_array().begin_object();
    out.member("major", ground.disk->first).member("minor", ground.disk->second);
    out.member("rate", *throttle.value).end_object().end_array();
  }
  out.end_object();
  return {};
}

// What only cgroup v2 has goes by the names of its files.
void write_unified(JsonWriter& out, const PartitionLimits& limits, uint64_t host) {
  struct File {
    std::string_view name;
    const std::optional<Amount>& value;
  };
  const File kFiles[] = {{"memory.high", limits.memory_high},
                         {"memory.min", limits.memory_min},
                         {"memory.zswap.max", limits.zswap}};
  bool swap_alone = limits.swap && !limits.memory;
  bool any = limits.oom_group.has_value() || swap_alone;
  for (const File& file : kFiles) any = any || file.value;
  if (!any) return;
  out.key("unified").begin_object();
  for (const File& file : kFiles)
    if (file.value) out.member(file.name, std::to_string(resolve(*file.value, host)));
  if (swap_alone) out.member("memory.swap.max", std::to_string(resolve(*limits.swap, host)));
  if (limits.oom_group) out.member("memory.oom.group", *limits.oom_group ? "1" : "0");
  out.end_object();
}

Result<> write_device_rules(JsonWriter& out, const std::vector<std::string>& devices) {
  out.key("devices").begin_array();
  out.begin_object().member("allow", false).member("access", "rwm").end_object();
  for (size_t i = 0; i < devices.size(); ++i) {
    TRY_ASSIGN(DeviceWords words, split_device(devices[i], i));
    TRY_ASSIGN(struct stat info, device_of(words, i));
    out.begin_object().member("allow", true).member("type", S_ISCHR(info.st_mode) ? "c" : "b");
    out.member("major", uint32_t{major(info.st_rdev)}).member("minor", uint32_t{minor(info.st_rdev)});
    out.member("access", words.access).end_object();
  }
  out.end_array();
  return {};
}

}  // namespace

Result<> write_devices(JsonWriter& out, const std::vector<std::string>& devices) {
  if (devices.empty()) return {};
  out.key("devices").begin_array();
  for (size_t i = 0; i < devices.size(); ++i) {
    TRY_ASSIGN(DeviceWords words, split_device(devices[i], i));
    TRY_ASSIGN(struct stat info, device_of(words, i));
    out.begin_object().member("path", words.target).member("type", S_ISCHR(info.st_mode) ? "c" : "b");
    out.member("major", uint32_t{major(info.st_rdev)}).member("minor", uint32_t{minor(info.st_rdev)});
    out.member("fileMode", uint32_t{info.st_mode & 0777U}).end_object();
  }
  out.end_array();
  return {};
}

Result<> write_resources(JsonWriter& out, const Partition& partition, const PartitionGround& ground) {
  const PartitionLimits& limits = partition.limits;
  out.key("resources").begin_object();
  TRY(write_device_rules(out, partition.security.devices));
  write_memory(out, limits, ground.host_memory);
  write_cpu(out, limits);
  if (limits.pids) out.key("pids").begin_object().member("limit", *limits.pids).end_object();
  TRY(write_block_io(out, limits, ground));
  write_unified(out, limits, ground.host_memory);
  out.end_object();
  return {};
}

}  // namespace shoji::oci_sections
