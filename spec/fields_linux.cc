// The `linux` section (config-linux.md) but for resources and seccomp.
#include <sys/stat.h>

#include "spec/field_sections.h"
#include "spec/mount_options.h"

namespace shoji {

using namespace field_table;

Result<> read(Json value, IdMapping& out) {
  static constexpr Row kRows[] = {
      field<&IdMapping::container_id>("containerID", kRequired),
      field<&IdMapping::host_id>("hostID", kRequired),
      field<&IdMapping::size>("size", kRequired),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Namespace& out) {
  static constexpr Row kRows[] = {
      name_field<&Namespace::type, namespace_types>("type", kRequired),
      field<&Namespace::path>("path"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

namespace {

// st_mode with the bits of the file's type is taken too, since engines copy it from stat(2); runc masks them
// likewise.
Result<> read_file_mode(Json value, void* object) {
  TRY_ASSIGN(uint64_t mode, read_unsigned(value, std::numeric_limits<uint32_t>::max()));
  mode &= ~uint64_t{S_IFMT};
  if (mode > 0777) return fail(Kind::kInvalid, cat(value.pointer(), ": ", mode, " is greater than ", 0777));
  static_cast<Device*>(object)->file_mode = static_cast<uint32_t>(mode);
  return {};
}

Result<> read_device_type(Json value, void* object) {
  std::string& type = static_cast<Device*>(object)->type;
  TRY(read(value, type));
  if (type == "c" || type == "b" || type == "u" || type == "p") return {};
  return fail(Kind::kInvalid, cat(value.pointer(), ": ", quote(type), " is not one of c, b, u or p"));
}

Result<> read_propagation(Json value, void* object) {
  std::string& name = static_cast<Linux*>(object)->rootfs_propagation;
  TRY(read(value, name));
  if (name.empty() || propagation_flags(name) != 0) return {};
  return fail(Kind::kInvalid,
              cat(value.pointer(), ": ", quote(name),
                  " is not one of shared, slave, private or unbindable, with or without an r before"));
}

}  // namespace

Result<> read(Json value, Device& out) {
  static constexpr Row kRows[] = {
      Row{"type", read_device_type, true}, field<&Device::path>("path", kRequired),
      field<&Device::major>("major"),      field<&Device::minor>("minor"),
      Row{"fileMode", read_file_mode},     field<&Device::uid>("uid"),
      field<&Device::gid>("gid"),
  };
  out = {};
  TRY(load_object(value, kRows, &out));
  // config-linux.md: "major, minor (int64, REQUIRED unless type is p)".
  for (std::string_view name : {"major", "minor"}) {
    Json number = value.find(name);
    if (out.type != "p" && (!number.exists() || number.is_null())) {
      return fail(Kind::kInvalid, cat(value.pointer(), '/', name, ": missing"));
    }
  }
  return {};
}

Result<> read(Json value, TimeOffset& out) {
  static constexpr Row kRows[] = {
      field<&TimeOffset::secs>("secs"),
      field<&TimeOffset::nanosecs>("nanosecs"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Personality& out) {
  static constexpr Row kRows[] = {
      name_field<&Personality::domain, personality_domains>("domain", kRequired),
      field<&Personality::flags>("flags"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, MemoryPolicy& out) {
  static constexpr Row kRows[] = {
      name_field<&MemoryPolicy::mode, memory_policy_modes>("mode", kRequired),
      field<&MemoryPolicy::nodes>("nodes"),
      name_field<&MemoryPolicy::flags, memory_policy_flags>("flags"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, NetDevice& out) {
  static constexpr Row kRows[] = {field<&NetDevice::new_name>("name")};
  TRY(check_key(value));
  out = {.name = std::string(value.key()), .new_name = {}};
  return load_object(value, kRows, &out);
}

namespace {

// An object whose keys are the devices' names.
Result<> read_net_devices(Json value, void* object) {
  std::vector<NetDevice>& devices = static_cast<Linux*>(object)->net_devices;
  TRY(expect_object(value));
  devices.clear();
  for (Json member = value.first(); member.exists(); member = member.next())
    TRY(read(member, devices.emplace_back()));
  keep_last(devices, &NetDevice::name);
  return {};
}

constexpr Row kTimeOffsets[] = {
    field<&Linux::monotonic_offset>("monotonic"),
    field<&Linux::boottime_offset>("boottime"),
};

}  // namespace

std::span<const Row> linux_rows() {
  static constexpr Row kRows[] = {
      field<&Linux::namespaces>("namespaces"),
      field<&Linux::uid_mappings>("uidMappings"),
      field<&Linux::gid_mappings>("gidMappings"),
      nested<kTimeOffsets, Unknown::kRefuse>("timeOffsets"),
      field<&Linux::devices>("devices"),
      Row{"netDevices", read_net_devices},
      field<&Linux::cgroups_path>("cgroupsPath"),
      field<&Linux::resources>("resources"),
      refused("intelRdt", "Intel's resource director (resctrl) is not supported"),
      Row{"rootfsPropagation", read_propagation},
      field<&Linux::seccomp>("seccomp"),
      field<&Linux::sysctl>("sysctl"),
      field<&Linux::masked_paths>("maskedPaths"),
      field<&Linux::readonly_paths>("readonlyPaths"),
      field<&Linux::mount_label>("mountLabel"),
      field<&Linux::personality>("personality"),
      field<&Linux::memory_policy>("memoryPolicy"),
  };
  return kRows;
}

Result<> read(Json value, Linux& out) {
  out = {};
  return load_object(value, linux_rows(), &out);
}

}  // namespace shoji
