// What a partition's document may say beyond types: each check names the JSON pointer of what is wrong.
#include <algorithm>

#include "spec/cpu_list.h"
#include "spec/names.h"
#include "spec/partition/partition.h"

namespace shoji {

namespace {

Failure wrong(std::string_view pointer, std::string_view why) {
  return fail(Kind::kInvalid, cat(pointer, ": ", why));
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_file_path(std::string_view path) {
  return path.starts_with('/') && !path.contains('\0');
}

Result<> check_origin(const Partition& partition) {
  if (!partition.name.empty())
    if (auto good = check_partition_name(partition.name); !good) return wrong("/name", good.error().text);
  if (partition.image.empty() && partition.rootfs.empty())
    return wrong("/image", "missing: an image, or a directory as \"rootfs\"");
  if (!partition.image.empty() && !partition.rootfs.empty())
    return wrong("/rootfs", "an image is given as well: one of them");
  if (!partition.rootfs.empty() && !is_file_path(partition.rootfs))
    return wrong("/rootfs", cat(quote(partition.rootfs), " is not an absolute path"));
  for (const auto& [key, value] : partition.env)
    if (key.empty() || key.contains('=')) return wrong("/env", cat(quote(key), " is no name of a variable"));
  if (!partition.workdir.empty() && !is_file_path(partition.workdir))
    return wrong("/workdir", cat(quote(partition.workdir), " is not an absolute path"));
  if (!partition.stop_signal.empty())
    if (auto signal = parse_signal(partition.stop_signal); !signal || *signal == 0)
      return wrong("/stopSignal", cat(quote(partition.stop_signal), " is no signal"));
  return {};
}

Result<> check_range(std::string_view name, const std::optional<uint64_t>& value, uint64_t least,
                     uint64_t greatest) {
  if (!value || (*value >= least && *value <= greatest)) return {};
  return wrong(cat("/limits/", name), cat(*value, " is not from ", least, " to ", greatest));
}

// What is protected cannot be more than what is taken back from, and that not more than the wall.
Result<> check_memory_order(const PartitionLimits& limits) {
  auto more = [](const std::optional<Amount>& a, const std::optional<Amount>& b) {
    return a && b && a->of_host == b->of_host && a->value > b->value;
  };
  if (more(limits.memory_high, limits.memory)) return wrong("/limits/memoryHigh", "is more than memory");
  if (more(limits.memory_min, limits.memory)) return wrong("/limits/memoryMin", "is more than memory");
  if (more(limits.memory_min, limits.memory_high))
    return wrong("/limits/memoryMin", "is more than memoryHigh");
  if (limits.disk && limits.disk->of_host) return wrong("/limits/disk", "is a size, not a part of the host");
  return {};
}

Result<> check_limits(const PartitionLimits& limits) {
  TRY(check_memory_order(limits));
  TRY(check_range("cpuWeight", limits.cpu_weight, 1, 10'000));
  TRY(check_range("ioWeight", limits.io_weight, 1, 10'000));
  TRY(check_range("cpu", limits.cpu, 10, 100'000'000));  // the kernel's least quota is 1 ms in 100 ms
  TRY(check_range("pids", limits.pids, 1, 4'194'304));   // PID_MAX_LIMIT
  if (limits.cpu_burst && !limits.cpu) return wrong("/limits/cpuBurst", "needs cpu: a burst is beyond that");
  for (auto [name, list] :
       {std::pair<std::string_view, const std::string*>{"cpus", &limits.cpus}, {"mems", &limits.mems}})
    if (!list->empty())
      if (auto good = parse_cpu_list(*list); !good) return wrong(cat("/limits/", name), good.error().text);
  return {};
}

Result<> check_networks(const std::vector<PartitionNetwork>& networks) {
  for (size_t i = 0; i < networks.size(); ++i) {
    const PartitionNetwork& network = networks[i];
    std::string at = cat("/networks/", i);
    if (network.network.empty()) return wrong(at + "/network", "is empty");
    bool whole = one_of(network.network, {"host", "none"}) || network.network.starts_with("share:");
    if (whole && networks.size() > 1)
      return wrong(at + "/network", cat(quote(network.network), " leaves no place for other networks"));
    if (whole && !network.publish.empty())
      return wrong(at + "/publish", cat("nothing is published on ", quote(network.network)));
    for (size_t j = 0; j < i; ++j) {
      if (networks[j].network == network.network)
        return wrong(at + "/network", cat(quote(network.network), " is there already, at /networks/", j));
      if (!network.interface.empty() && networks[j].interface == network.interface)
        return wrong(at + "/interface", cat(quote(network.interface), " is /networks/", j, "'s"));
    }
  }
  return {};
}

Result<> check_volume(const std::string& at, const PartitionVolume& volume) {
  if (!is_file_path(volume.target) || volume.target == "/")
    return wrong(at + "/target", cat(quote(volume.target), " is not an absolute path below /"));
  bool tmpfs = volume.type == VolumeType::kTmpfs;
  if (tmpfs && !volume.source.empty()) return wrong(at + "/source", "a tmpfs has none");
  if (!tmpfs && volume.size) return wrong(at + "/size", "is of tmpfs volumes only");
  if (volume.type == VolumeType::kBind && !is_file_path(volume.source))
    return wrong(at + "/source", cat(quote(volume.source), " is not an absolute path"));
  if (volume.type == VolumeType::kVolume)
    if (auto good = check_partition_name(volume.source); !good)
      return wrong(at + "/source", cat(quote(volume.source), " is no name of a volume"));
  return {};
}

Result<> check_files(const Partition& partition) {
  for (size_t i = 0; i < partition.volumes.size(); ++i) {
    std::string at = cat("/volumes/", i);
    TRY(check_volume(at, partition.volumes[i]));
    for (size_t j = 0; j < i; ++j)
      if (partition.volumes[j].target == partition.volumes[i].target)
        return wrong(at + "/target", cat(quote(partition.volumes[i].target), " is /volumes/", j, "'s"));
  }
  for (size_t i = 0; i < partition.secrets.size(); ++i) {
    const PartitionSecret& secret = partition.secrets[i];
    std::string at = cat("/secrets/", i);
    if (!is_file_path(secret.source))
      return wrong(at + "/source", cat(quote(secret.source), " is not an absolute path"));
    if (secret.target.empty() || (secret.target.contains('/') && !is_file_path(secret.target)))
      return wrong(at + "/target", cat(quote(secret.target), " is neither a name nor an absolute path"));
  }
  return {};
}

Result<> check_security(const PartitionSecurity& security) {
  for (auto [name, list] :
       {std::pair<std::string_view, const std::vector<std::string>*>{"capAdd", &security.cap_add},
        {"capDrop", &security.cap_drop}})
    for (size_t i = 0; i < list->size(); ++i) {
      const std::string& text = (*list)[i];
      std::string full = text.starts_with("CAP_") ? text : "CAP_" + text;
      if (text != "ALL" && !find_number(capabilities(), full))
        return wrong(cat("/security/", name, '/', i), cat(quote(text), " is no capability"));
    }
  if (!one_of(security.seccomp, {"default", "unconfined"}) && !is_file_path(security.seccomp))
    return wrong("/security/seccomp",
                 cat(quote(security.seccomp), " is neither default, unconfined nor an absolute path"));
  if (!one_of(security.userns, {"auto", "host"}))
    return wrong("/security/userns", cat(quote(security.userns), " is neither auto nor host"));
  for (const auto& [name, value] : security.ulimits) {
    std::string full = "RLIMIT_";
    for (char c : name) full += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    if (!find_number(rlimits(), full)) return wrong("/security/ulimits", cat(quote(name), " is no limit"));
  }
  return {};
}

Result<> check_health(const std::optional<PartitionHealth>& health) {
  if (!health) return {};
  int ways = (health->exec.empty() ? 0 : 1) + (health->http.empty() ? 0 : 1) + (health->tcp.empty() ? 0 : 1);
  if (ways != 1) return wrong("/health", "exactly one of exec, http and tcp is needed");
  if (!health->http.empty() && !health->http.starts_with("http://"))
    return wrong("/health/http", cat(quote(health->http), " does not begin with http://"));
  if (health->interval < 100) return wrong("/health/interval", "is shorter than 100ms");
  if (health->timeout < 10) return wrong("/health/timeout", "is shorter than 10ms");
  if (health->retries == 0) return wrong("/health/retries", "is 0: it would be unhealthy at once");
  return {};
}

Result<> check_logs(const PartitionLogs& logs) {
  if (!one_of(logs.driver, {"json", "text", "journald", "syslog", "none"}))
    return wrong("/logs/driver",
                 cat(quote(logs.driver), " is none of json, text, journald, syslog and none"));
  if (logs.max_size < 128 << 10) return wrong("/logs/maxSize", "is less than 128K");
  if (logs.max_files == 0) return wrong("/logs/maxFiles", "is 0: none is the driver for no logs");
  return {};
}

Result<> check_hooks(const std::vector<PartitionHook>& hooks) {
  for (size_t i = 0; i < hooks.size(); ++i) {
    if (!one_of(hooks[i].when, {"pre-create", "post-create", "post-start", "pre-stop", "post-stop",
                                "post-remove", "health"}))
      return wrong(cat("/hooks/", i, "/when"),
                   cat(quote(hooks[i].when),
                       " is none of pre-create, post-create, post-start, pre-stop, "
                       "post-stop, post-remove and health"));
    if (!is_file_path(hooks[i].path))
      return wrong(cat("/hooks/", i, "/path"), cat(quote(hooks[i].path), " is not an absolute path"));
  }
  return {};
}

}  // namespace

Result<> check_partition_name(std::string_view name) {
  auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool good = !name.empty() && name.size() <= 63 && letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return letter(c) || c == '_' || c == '.' || c == '-';
  });
  if (good) return {};
  return fail(Kind::kInvalid, cat(quote(name), " is no name: letters, digits, _ . and -, at most 63"));
}

Result<> validate_partition(const Partition& partition) {
  TRY(check_origin(partition));
  TRY(check_limits(partition.limits));
  TRY(check_networks(partition.networks));
  TRY(check_files(partition));
  TRY(check_security(partition.security));
  if (partition.restart.longest < partition.restart.delay)
    return wrong("/restart/longest", "is shorter than delay");
  TRY(check_health(partition.health));
  TRY(check_logs(partition.logs));
  TRY(check_hooks(partition.hooks));
  for (size_t i = 0; i < partition.autostart.after.size(); ++i)
    if (auto good = check_partition_name(partition.autostart.after[i]); !good)
      return wrong(cat("/autostart/after/", i), good.error().text);
  return {};
}

}  // namespace shoji
