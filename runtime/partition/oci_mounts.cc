#include <algorithm>
#include <array>

#include "runtime/partition/oci_sections.h"

namespace shoji::oci_sections {

namespace {

struct KernelMount {
  std::string_view destination, type, source;
  std::array<std::string_view, 6> options;  // as many as are not empty
};
constexpr KernelMount kKernelMounts[] = {
    {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
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

void begin_mount(JsonWriter& out, std::string_view destination, std::string_view type,
                 std::string_view source) {
  out.begin_object().member("destination", destination).member("type", type).member("source", source);
}

void bind(JsonWriter& out, const std::string& source, std::string_view target,
          const std::vector<std::string>& options) {
  begin_mount(out, target, "bind", source);
  write_words(out, "options", options);
  out.end_object();
}

// Owners as inside: an idmapped mount, for partitions with ids of their own.
void write_shift(JsonWriter& out, const PartitionGround& ground) {
  if (!ground.ids) return;
  for (std::string_view key : {"uidMappings", "gidMappings"}) {
    out.key(key).begin_array().begin_object();
    out.member("containerID", 0).member("hostID", ground.ids->first).member("size", ground.ids->second);
    out.end_object().end_array();
  }
}

Result<> write_volume(JsonWriter& out, const PartitionVolume& volume, size_t index,
                      const PartitionGround& ground) {
  std::vector<std::string> options = volume.options;
  if (volume.read_only) options.emplace_back("ro");
  if (volume.type == VolumeType::kTmpfs) {
    options.insert(options.end(), {"nosuid", "nodev", "mode=1777"});
    if (volume.size) options.push_back(cat("size=", *volume.size));
    begin_mount(out, volume.target, "tmpfs", "tmpfs");
    write_words(out, "options", options);
    out.end_object();
    return {};
  }
  std::string source = volume.source;
  if (volume.type == VolumeType::kVolume) {
    auto found = std::ranges::find(ground.volumes, source, &std::pair<std::string, std::string>::first);
    if (found == ground.volumes.end())
      return fail(Kind::kNotFound, cat("/volumes/", index, "/source: there is no volume ", quote(source)));
    source = found->second;
  }
  options.emplace_back("rbind");
  begin_mount(out, volume.target, "bind", source);
  write_words(out, "options", options);
  if (volume.shift) write_shift(out, ground);
  out.end_object();
  return {};
}

}  // namespace

Result<> write_mounts(JsonWriter& out, const Partition& partition, const PartitionGround& ground) {
  out.key("mounts").begin_array();
  for (const KernelMount& mount : kKernelMounts) {
    // Without a network namespace of its own, a user namespace may not mount sysfs: the host's is bound, read-only.
    bool bound = mount.type == "sysfs" && ground.ids && ground.netns.empty();
    begin_mount(out, mount.destination, bound ? "none" : mount.type, bound ? "/sys" : mount.source);
    out.key("options").begin_array();
    if (bound) out.value("rbind");
    for (std::string_view option : mount.options)
      if (!option.empty()) out.value(option);
    out.end_array().end_object();
  }
  if (!ground.names.empty())
    for (std::string_view file : {"hosts", "hostname", "resolv.conf"})
      bind(out, cat(ground.names, '/', file), cat("/etc/", file),
           {"bind", "ro", "nosuid", "nodev", "noexec"});
  for (size_t i = 0; i < partition.volumes.size(); ++i)
    TRY(write_volume(out, partition.volumes[i], i, ground));
  for (size_t i = 0; i < partition.secrets.size(); ++i) {
    const std::string& target = partition.secrets[i].target;
    bind(out, cat(ground.secrets, '/', i), target.starts_with('/') ? target : cat("/run/secrets/", target),
         {"bind", "ro", "nosuid", "nodev", "noexec"});
  }
  out.end_array();
  return {};
}

}  // namespace shoji::oci_sections
