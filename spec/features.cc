#include "spec/features.h"

#include <algorithm>

#include "base/json.h"
#include "spec/field_sections.h"
#include "spec/mount_options.h"
#include "spec/names.h"
#include "spec/spec.h"

namespace shoji {
namespace {

using field_table::Row;

void write_names(JsonWriter& writer, std::string_view key, const std::vector<std::string_view>& names) {
  writer.key(key).begin_array();
  for (std::string_view name : names) writer.value(name);
  writer.end_array();
}

template <typename Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> out;
  for (const auto& row : table) out.push_back(row.name);
  return out;
}

std::vector<std::string_view> sorted(std::vector<std::string_view> names) {
  std::ranges::sort(names);
  return names;
}

void write_enabled(JsonWriter& writer, std::string_view key, bool enabled) {
  writer.key(key).begin_object().member("enabled", enabled).end_object();
}

// Is there a row for this property of `linux`, and does it load the property?
bool loads(std::string_view property) {
  return std::ranges::any_of(linux_rows(),
                             [&](const Row& row) { return row.name == property && row.load != nullptr; });
}

void write_cgroup(JsonWriter& writer, const BuildFeatures& build) {
  writer.key("cgroup").begin_object();
  writer.member("v1", true).member("v2", true);
  writer.member("systemd", build.systemd_cgroups).member("systemdUser", build.systemd_cgroups);
  writer.member("rdma", true).end_object();
}

void write_seccomp(JsonWriter& writer, const BuildFeatures& build) {
  writer.key("seccomp").begin_object();
  bool enabled = loads("seccomp") && !build.libseccomp_version.empty();
  writer.member("enabled", enabled);
  if (enabled) {
    write_names(writer, "actions", names_of(seccomp_actions()));
    write_names(writer, "operators", names_of(seccomp_operators()));
    write_names(writer, "archs", names_of(seccomp_architectures()));
    write_names(writer, "knownFlags", names_of(seccomp_flags()));
    write_names(writer, "supportedFlags", build.seccomp_flags);
  }
  writer.end_object();
}

void write_linux(JsonWriter& writer, const BuildFeatures& build) {
  writer.key("linux").begin_object();
  write_names(writer, "namespaces", sorted(names_of(namespace_types())));
  write_names(writer, "capabilities", names_of(capabilities()));
  write_cgroup(writer, build);
  write_seccomp(writer, build);
  write_enabled(writer, "apparmor", true);
  write_enabled(writer, "selinux", true);
  write_enabled(writer, "intelRdt", loads("intelRdt"));
  writer.key("mountExtensions").begin_object();
  write_enabled(writer, "idmap", true);
  writer.end_object();
  write_enabled(writer, "netDevices", loads("netDevices"));
  writer.end_object();
}

}  // namespace

std::string print_features(const BuildFeatures& build) {
  JsonWriter writer(JsonWriter::Style::kIndented);
  writer.begin_object();
  writer.member("ociVersionMin", kOciVersionMin).member("ociVersionMax", kOciVersion);
  write_names(writer, "hooks", names_of(hook_rows()));
  write_names(writer, "mountOptions", known_mount_options());
  write_linux(writer, build);
  writer.key("annotations").begin_object();
  if (!build.libseccomp_version.empty()) {
    writer.member("io.github.seccomp.libseccomp.version", build.libseccomp_version);
  }
  // Engines ask for this name to learn whether checkpoints work, whatever the runtime.
  writer.member("org.opencontainers.runc.checkpoint.enabled", build.checkpoint ? "true" : "false");
  writer.member("org.shoji.version", build.version);
  writer.end_object();
  // No annotation changes what the runtime does.
  write_names(writer, "potentiallyUnsafeConfigAnnotations", {});
  writer.end_object();
  return writer.take();
}

}  // namespace shoji
