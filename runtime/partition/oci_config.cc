#include "runtime/partition/oci_config.h"

#include <algorithm>

#include "base/json.h"
#include "base/quantity.h"
#include "runtime/partition/oci_sections.h"
#include "spec/names.h"
#include "spec/spec.h"

namespace shoji {

using namespace oci_sections;

namespace {

Failure wrong(std::string_view pointer, std::string_view why, Kind kind = Kind::kInvalid) {
  return fail(kind, cat(pointer, ": ", why));
}

std::string_view variable(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

// The image's environment, with what the document says put over it.
std::vector<std::string> environment(const Partition& partition, const ImageDefaults& image) {
  std::vector<std::string> out = image.env;
  auto set = [&](std::string_view name, std::string_view value, bool replace) {
    auto same = std::ranges::find_if(out, [&](const std::string& entry) { return variable(entry) == name; });
    if (same == out.end()) {
      out.push_back(cat(name, '=', value));
    } else if (replace) {
      *same = cat(name, '=', value);
    }
  };
  set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", false);
  if (partition.terminal) set("TERM", "xterm", false);
  for (const auto& [name, value] : partition.env) set(name, value, true);
  set("container", "shoji", false);
  return out;
}

// docker's and podman's default, less what they dropped since: what a server needs to bind, switch its user, and serve.
constexpr std::string_view kDefaultCapabilities[] = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID", "CAP_KILL",      "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP", "CAP_SETGID",       "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"};

std::string full_name(std::string_view capability) {
  return capability.starts_with("CAP_") ? std::string(capability) : cat("CAP_", capability);
}

std::vector<std::string> capability_set(const PartitionSecurity& security) {
  auto named = [](const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::any_of(list, [&](const std::string& text) { return full_name(text) == name; });
  };
  std::vector<std::string> out;
  for (const NamedNumber& capability : capabilities()) {
    std::string_view name = capability.name;
    bool given = std::ranges::find(kDefaultCapabilities, name) != std::end(kDefaultCapabilities);
    if (named(security.cap_drop, "CAP_ALL")) given = false;
    if (named(security.cap_add, "CAP_ALL")) given = true;
    if (named(security.cap_drop, name)) given = false;
    if (named(security.cap_add, name)) given = true;
    if (given) out.emplace_back(name);
  }
  return out;
}

// "1024", "1024:2048" or "unlimited".
Result<std::pair<uint64_t, uint64_t>> parse_ulimit(std::string_view name, std::string_view text) {
  auto number = [](std::string_view part) -> Result<uint64_t> {
    if (part == "unlimited" || part == "-1") return UINT64_MAX;
    return parse_size(part);
  };
  size_t colon = text.find(':');
  auto soft = number(text.substr(0, colon));
  auto hard = colon == std::string_view::npos ? soft : number(text.substr(colon + 1));
  if (!soft || !hard || *soft > *hard)
    return wrong(cat("/security/ulimits/", name), cat(quote(text), " is neither SOFT nor SOFT:HARD"));
  return std::pair{*soft, *hard};
}

Result<> write_rlimits(JsonWriter& out, const PartitionSecurity& security) {
  if (security.ulimits.empty()) return {};
  out.key("rlimits").begin_array();
  for (const auto& [name, text] : security.ulimits) {
    TRY_ASSIGN(auto limits, parse_ulimit(name, text));
    std::string type = "RLIMIT_";
    for (char c : name) type += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    out.begin_object().member("type", type).member("hard", limits.second).member("soft", limits.first);
    out.end_object();
  }
  out.end_array();
  return {};
}

Result<> write_process(JsonWriter& out, const Partition& partition, const ImageDefaults& image,
                       const PartitionGround& ground) {
  TRY_ASSIGN(std::vector<std::string> arguments, partition_arguments(partition, image));
  out.key("process").begin_object().member("terminal", partition.terminal);
  out.key("user").begin_object().member("uid", ground.uid).member("gid", ground.gid);
  if (!ground.groups.empty()) {
    out.key("additionalGids").begin_array();
    for (uint32_t group : ground.groups) out.value(group);
    out.end_array();
  }
  out.end_object();
  write_words(out, "args", arguments);
  write_words(out, "env", environment(partition, image));
  std::string_view directory = !partition.workdir.empty() ? partition.workdir : image.working_dir;
  out.member("cwd", directory.empty() ? "/" : directory);
  out.key("capabilities").begin_object();
  std::vector<std::string> given = capability_set(partition.security);
  for (std::string_view set : {"bounding", "effective", "permitted"}) write_words(out, set, given);
  out.end_object();
  TRY(write_rlimits(out, partition.security));
  out.member("noNewPrivileges", partition.security.no_new_privileges);
  out.end_object();
  return {};
}

void write_namespaces(JsonWriter& out, const PartitionGround& ground) {
  out.key("namespaces").begin_array();
  for (std::string_view type : {"pid", "ipc", "uts", "mount", "cgroup"})
    out.begin_object().member("type", type).end_object();
  if (!ground.netns.empty())
    out.begin_object().member("type", "network").member("path", ground.netns).end_object();
  if (ground.ids) out.begin_object().member("type", "user").end_object();
  out.end_array();
}

void write_id_maps(JsonWriter& out, const PartitionGround& ground) {
  if (!ground.ids) return;
  for (std::string_view key : {"uidMappings", "gidMappings"}) {
    out.key(key).begin_array().begin_object();
    out.member("containerID", 0).member("hostID", ground.ids->first).member("size", ground.ids->second);
    out.end_object().end_array();
  }
}

constexpr std::string_view kMasked[] = {"/proc/acpi",
                                        "/proc/asound",
                                        "/proc/interrupts",
                                        "/proc/kcore",
                                        "/proc/keys",
                                        "/proc/latency_stats",
                                        "/proc/sched_debug",
                                        "/proc/scsi",
                                        "/proc/timer_list",
                                        "/proc/timer_stats",
                                        "/sys/devices/virtual/powercap",
                                        "/sys/firmware"};
constexpr std::string_view kReadonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};

Result<> write_linux(JsonWriter& out, const Partition& partition, const PartitionGround& ground) {
  out.key("linux").begin_object();
  write_namespaces(out, ground);
  write_id_maps(out, ground);
  out.member("cgroupsPath", ground.cgroups_path);
  if (!partition.security.sysctls.empty()) {
    out.key("sysctl").begin_object();
    for (const auto& [name, value] : partition.security.sysctls) out.member(name, value);
    out.end_object();
  }
  TRY(write_devices(out, partition.security.devices));
  TRY(write_resources(out, partition, ground));
  if (!ground.seccomp.empty()) out.key("seccomp").raw(ground.seccomp);
  write_words(out, "maskedPaths", kMasked);
  write_words(out, "readonlyPaths", kReadonly);
  out.end_object();
  return {};
}

}  // namespace

Result<std::vector<std::string>> partition_arguments(const Partition& partition, const ImageDefaults& image) {
  std::vector<std::string> out = partition.entrypoint.value_or(image.entrypoint);
  // As docker: an entrypoint of one's own leaves the image's command behind.
  const std::vector<std::string> none;
  const std::vector<std::string>& otherwise = partition.entrypoint ? none : image.cmd;
  const std::vector<std::string>& command = partition.command ? *partition.command : otherwise;
  out.insert(out.end(), command.begin(), command.end());
  if (out.empty()) return wrong("/command", "missing, and the image has none either");
  return out;
}

Result<std::string> oci_config(const Partition& partition, const ImageDefaults& image,
                               const PartitionGround& ground) {
  JsonWriter out;
  out.begin_object().member("ociVersion", kOciVersion);
  TRY(write_process(out, partition, image, ground));
  out.key("root").begin_object().member("path", ground.rootfs);
  out.member("readonly", partition.security.read_only).end_object();
  out.member("hostname", partition.hostname.empty() ? partition.name : partition.hostname);
  TRY(write_mounts(out, partition, ground));
  TRY(write_linux(out, partition, ground));
  if (!partition.labels.empty()) {
    out.key("annotations").begin_object();
    for (const auto& [key, value] : partition.labels) out.member(key, value);
    out.end_object();
  }
  out.end_object();
  return out.take();
}

}  // namespace shoji
