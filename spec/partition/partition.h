#pragma once
// A partition as a JSON document: what `shoji run --spec` takes and `inspect --spec` prints. Every member is what the
// operator said; what follows from it for a host is decided later. Unknown keys are refused, but for those that begin with
// `//`: comments.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace shoji {

// "64M", 67108864, or "25%" of what the host has.
struct Amount {
  uint64_t value = 0;  // bytes, or hundredths of a percent
  bool of_host = false;
  bool operator==(const Amount&) const = default;
};
Result<Amount> parse_amount(std::string_view text);
std::string print_amount(const Amount& amount);

struct PartitionLimits {
  std::optional<Amount> memory, memory_high, memory_min, swap, zswap;
  std::optional<bool> oom_group;              // one process over the limit ends all of them
  std::optional<uint64_t> cpu, cpu_burst;     // thousandths of a CPU; microseconds of CPU time
  std::optional<uint64_t> cpu_weight;         // 1..10000, 100 is everybody's
  std::string cpus, mems;                     // lists, as "0-2,7"
  std::optional<uint64_t> io_weight;          // 1..10000
  std::optional<uint64_t> io_read, io_write;  // bytes per second, of the device that the store is on
  std::optional<uint64_t> iops_read, iops_write;
  std::optional<uint64_t> pids;
  std::optional<Amount> disk;  // bytes of its root
  std::optional<uint64_t> inodes;
  bool operator==(const PartitionLimits&) const = default;
};

struct PartitionNetwork {
  std::string network;    // of the store; or host, none, share:PARTITION, cni:NAME
  std::string interface;  // empty: eth0, eth1, ...
  std::vector<std::string> addresses;
  std::string mac;
  std::vector<std::string> publish, allow, deny;  // as on the command line
  std::string rate_in, rate_out;
  bool operator==(const PartitionNetwork&) const = default;
};

enum class VolumeType : uint8_t { kVolume, kBind, kTmpfs };
std::string_view volume_type_name(VolumeType type);
struct PartitionVolume {
  VolumeType type = VolumeType::kVolume;
  std::string source;  // name of a volume, path on the host; none for tmpfs
  std::string target;  // absolute path inside
  bool read_only = false;
  bool shift = true;                 // of bind mounts: owners as inside, by an idmapped mount
  std::optional<uint64_t> size;      // bytes, of tmpfs
  std::vector<std::string> options;  // further mount options
  bool operator==(const PartitionVolume&) const = default;
};

struct PartitionSecret {
  std::string source;  // a file of the host
  std::string target;  // name below /run/secrets, or an absolute path
  uint32_t mode = 0400;
  bool operator==(const PartitionSecret&) const = default;
};

enum class RestartPolicy : uint8_t { kNo, kOnFailure, kAlways, kUnlessStopped };
std::string_view restart_policy_name(RestartPolicy policy);
struct PartitionRestart {
  RestartPolicy policy = RestartPolicy::kNo;
  uint32_t retries = 0;  // of on-failure; 0: for ever
  uint64_t delay = 100;  // milliseconds before the first; doubled each time, up to `longest`
  uint64_t longest = 60'000;
  bool operator==(const PartitionRestart&) const = default;
};

struct PartitionHealth {
  std::vector<std::string> exec;  // exactly one of the three
  std::string http;               // "http://:80/healthz": the partition's own address unless a host is named
  std::string tcp;                // "80"
  uint64_t interval = 30'000, timeout = 3'000, start_period = 0;  // milliseconds
  uint32_t retries = 3;                                           // failures in a row until it is unhealthy
  bool restarts = false;                                          // an unhealthy one is started anew
  bool operator==(const PartitionHealth&) const = default;
};

struct PartitionLogs {
  std::string driver = "json";   // json, text, journald, syslog, none
  uint64_t max_size = 16 << 20;  // bytes of one file
  uint32_t max_files = 3;
  bool operator==(const PartitionLogs&) const = default;
};

struct PartitionHook {
  std::string when;  // pre-create, post-create, post-start, pre-stop, post-stop, post-remove, health
  std::string path;
  std::vector<std::string> args, env;
  uint64_t timeout = 10'000;  // milliseconds
  bool operator==(const PartitionHook&) const = default;
};

struct PartitionAutostart {
  bool enabled = false;
  uint32_t order = 50;             // lower ones first; stopped the other way round
  uint64_t delay = 0;              // milliseconds behind the one before
  std::vector<std::string> after;  // partitions that have to run before
  bool operator==(const PartitionAutostart&) const = default;
};

struct PartitionSecurity {
  std::vector<std::string> cap_add, cap_drop;  // "NET_ADMIN", "ALL"
  std::string seccomp = "default";             // default, unconfined, or a file
  std::string userns = "auto";                 // auto: its own range of ids; host: the host's
  bool read_only = false;
  bool no_new_privileges = true;
  std::vector<std::string> devices;                          // "/dev/fuse[:/dev/fuse[:rwm]]"
  std::vector<std::pair<std::string, std::string>> ulimits;  // "nofile": "1024:2048"
  std::vector<std::pair<std::string, std::string>> sysctls;
  bool operator==(const PartitionSecurity&) const = default;
};

struct Partition {
  std::string name;
  std::string image;                                            // in the store; or
  std::string rootfs;                                           // a directory of the host, used as it is
  std::optional<std::vector<std::string>> entrypoint, command;  // absent: the image's
  std::vector<std::pair<std::string, std::string>> env;
  std::string user, workdir, hostname;
  bool terminal = false, stdin_open = false;
  bool init = true;  // shoji-init stays as pid 1
  PartitionLimits limits;
  std::vector<PartitionNetwork> networks;
  std::vector<PartitionVolume> volumes;
  std::vector<PartitionSecret> secrets;
  PartitionSecurity security;
  PartitionRestart restart;
  std::string stop_signal;         // empty: the image's, else SIGTERM
  uint64_t stop_timeout = 10'000;  // milliseconds
  std::optional<PartitionHealth> health;
  PartitionLogs logs;
  std::vector<PartitionHook> hooks;
  PartitionAutostart autostart;
  std::vector<std::pair<std::string, std::string>> labels;
  bool operator==(const Partition&) const = default;
};

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 63: a partition is a hostname and a directory.
Result<> check_partition_name(std::string_view name);

// Loads and validates; `source` opens the message, the JSON pointer of the fault follows.
Result<Partition> parse_partition(std::string text, std::string_view source);
Result<Partition> load_partition(Json document);
// What parse_partition() reads as the same; only what differs from the defaults.
std::string print_partition(const Partition& partition);
// Of a partition that the command line made: what load_partition() checks, with the pointer that the document would have.
Result<> validate_partition(const Partition& partition);

}  // namespace shoji
