#include "spec/default_spec.h"

#include <array>
#include <span>
#include <string_view>

#include "base/json.h"
#include "spec/spec.h"

namespace shoji {
namespace {

using Words = std::span<const std::string_view>;

struct DefaultMount {
  std::string_view destination, type, source;
  std::array<std::string_view, 6> options;  // as many as are not empty
};

constexpr DefaultMount kMounts[] = {
    {"/proc", "proc", "proc", {}},
    {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
    {"/dev/pts",
     "devpts",
     "devpts",
     {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
    {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
    {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
    {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
    {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
};
// A user namespace without a network namespace of its own may not mount sysfs.
constexpr DefaultMount kRootlessSys = {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};

constexpr std::string_view kArgs[] = {"sh"};
constexpr std::string_view kEnvironment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
constexpr std::string_view kCapabilities[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
constexpr std::string_view kMaskedPaths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
    "/sys/devices/virtual/tpm",
};
constexpr std::string_view kReadonlyPaths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                               "/proc/sysrq-trigger"};
constexpr std::string_view kNamespaces[] = {"pid", "network", "ipc", "uts", "mount"};
constexpr std::string_view kRootlessNamespaces[] = {"pid", "ipc", "uts", "mount"};

void write_words(JsonWriter& writer, std::string_view key, Words words) {
  writer.key(key).begin_array();
  for (std::string_view word : words) writer.value(word);
  writer.end_array();
}

void write_process(JsonWriter& writer) {
  writer.key("process").begin_object();
  writer.member("terminal", true);
  writer.key("user").begin_object().member("uid", 0).member("gid", 0).end_object();
  write_words(writer, "args", kArgs);
  write_words(writer, "env", kEnvironment);
  writer.member("cwd", "/");
  writer.key("capabilities").begin_object();
  for (std::string_view set : {"bounding", "effective", "permitted"}) write_words(writer, set, kCapabilities);
  writer.end_object();
  writer.key("rlimits").begin_array().begin_object();
  writer.member("type", "RLIMIT_NOFILE").member("hard", 1024).member("soft", 1024);
  writer.end_object().end_array();
  writer.member("noNewPrivileges", true);
  writer.end_object();
}

void write_mount(JsonWriter& writer, const DefaultMount& mount, bool rootless) {
  writer.begin_object();
  writer.member("destination", mount.destination).member("type", mount.type).member("source", mount.source);
  if (!mount.options.front().empty()) {
    writer.key("options").begin_array();
    for (std::string_view option : mount.options) {
      // The group 5 (tty) is not mapped in a rootless user namespace.
      if (!option.empty() && !(rootless && option.starts_with("gid="))) writer.value(option);
    }
    writer.end_array();
  }
  writer.end_object();
}

void write_mounts(JsonWriter& writer, bool rootless) {
  writer.key("mounts").begin_array();
  for (const DefaultMount& mount : kMounts) {
    write_mount(writer, rootless && mount.destination == "/sys" ? kRootlessSys : mount, rootless);
  }
  writer.end_array();
}

void write_mapping(JsonWriter& writer, std::string_view key, uint32_t host_id) {
  writer.key(key).begin_array().begin_object();
  writer.member("containerID", 0).member("hostID", host_id).member("size", 1);
  writer.end_object().end_array();
}

void write_namespaces(JsonWriter& writer, const DefaultSpecOptions& options) {
  auto write = [&](std::string_view type) { writer.begin_object().member("type", type).end_object(); };
  writer.key("namespaces").begin_array();
  for (std::string_view type : options.rootless ? Words(kRootlessNamespaces) : Words(kNamespaces))
    write(type);
  if (options.cgroup_namespace) write("cgroup");
  if (options.rootless) write("user");
  writer.end_array();
}

void write_linux(JsonWriter& writer, const DefaultSpecOptions& options) {
  writer.key("linux").begin_object();
  if (options.rootless) {
    write_mapping(writer, "uidMappings", options.uid);
    write_mapping(writer, "gidMappings", options.gid);
  } else {
    writer.key("resources").begin_object().key("devices").begin_array().begin_object();
    writer.member("allow", false).member("access", "rwm");
    writer.end_object().end_array().end_object();
  }
  write_namespaces(writer, options);
  write_words(writer, "maskedPaths", kMaskedPaths);
  write_words(writer, "readonlyPaths", kReadonlyPaths);
  writer.end_object();
}

}  // namespace

std::string default_spec(const DefaultSpecOptions& options) {
  JsonWriter writer(JsonWriter::Style::kIndented);
  writer.begin_object();
  writer.member("ociVersion", kOciVersion);
  write_process(writer);
  writer.key("root").begin_object().member("path", "rootfs").member("readonly", true).end_object();
  writer.member("hostname", "shoji");
  write_mounts(writer, options.rootless);
  write_linux(writer, options);
  writer.end_object();
  return writer.take() + "\n";
}

}  // namespace shoji
