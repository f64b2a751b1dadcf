// Checks of the `mounts` section (config.md, "Mounts"; config-linux.md, "Mount options").
#include "spec/mount_options.h"
#include "spec/validators.h"

namespace shoji::validators {
namespace {

// mount_setattr(2), "ID-mapped mounts": only bind mounts here, and only with mappings to take.
Result<> idmap(const Spec& spec, const Mount& mount, const ParsedMountOptions& options,
               std::string_view pointer) {
  if (!options.idmap) return {};
  if (!options.bind) return invalid(pointer, "only bind mounts can be ID-mapped");
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    return invalid(pointer, "uidMappings and gidMappings must be given together");
  }
  if (mount.uid_mappings.empty() && !has_namespace(spec, "user")) {
    return invalid(pointer,
                   "an ID-mapped mount needs uidMappings and gidMappings, its own or a user namespace's");
  }
  TRY(check_mappings(cat(pointer, "/uidMappings"), mount.uid_mappings));
  return check_mappings(cat(pointer, "/gidMappings"), mount.gid_mappings);
}

Result<> check_mount(const Spec& spec, const Mount& mount, std::string_view pointer) {
  if (mount.destination.empty()) return invalid(cat(pointer, "/destination"), "missing");
  Result<ParsedMountOptions> options = parse_mount_options(mount);
  if (!options) return std::unexpected(within(cat(pointer, "/options"), std::move(options).error()));
  TRY(idmap(spec, mount, *options, pointer));
  if (options->tmpcopyup && mount.type != "tmpfs") {
    return invalid(cat(pointer, "/options"), "\"tmpcopyup\" is for mounts of type \"tmpfs\"");
  }
  if (!options->bind) return {};
  if (mount.source.empty()) return invalid(cat(pointer, "/source"), "missing, a bind mount needs one");
  // A bind mount has no superblock of its own: the kernel would drop these without a word.
  if (!options->data.empty()) {
    return invalid(cat(pointer, "/options"),
                   cat(quote(options->data.front().first), " is no option of a bind mount"));
  }
  return {};
}

}  // namespace

Result<> mounts(const Spec& spec) {
  for (size_t i = 0; i < spec.mounts.size(); ++i) TRY(check_mount(spec, spec.mounts[i], cat("/mounts/", i)));
  return {};
}

}  // namespace shoji::validators
