#pragma once
// The options of a mount (config.md "Linux mount options", fstab style) as what mount_setattr(2), fsconfig(2)
// and the mount plan need. The names are one table, from which `features` prints its list.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

struct ParsedMountOptions {
  // MOUNT_ATTR_* for mount_setattr(2) and fsmount(2). `attr_clear` holds what an option cleared expressly
  // ("exec", "rw"); whoever keeps the flags of a bind mount's source keeps only those that are not in it. A
  // change of the access-time mode has the whole MOUNT_ATTR__ATIME in `clear`, as the kernel demands.
  uint64_t attr_set = 0, attr_clear = 0;
  // The same with AT_RECURSIVE ("rro", "rnosuid", ...).
  uint64_t rec_attr_set = 0, rec_attr_clear = 0;
  // MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE each with or without MS_REC, in the order of the options
  // ("rslave", "shared": both are applied, one after the other).
  std::vector<uint64_t> propagation;

  bool bind = false;            // "bind" or "rbind", or the mount's type is "bind"
  bool recursive_bind = false;  // "rbind"
  bool remount = false;
  bool tmpcopyup = false;
  bool idmap = false;            // "idmap" or "ridmap", or the mount has mappings
  bool recursive_idmap = false;  // "ridmap"
  bool copy_symlink = false;     // crun: a source that is a symlink is re-created instead of mounted
  bool src_nofollow = false;     // crun: the source is not followed if it is a symlink
  bool dest_nofollow = false;    // crun: the destination likewise

  // Flags of the superblock as MS_* (MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_LAZYTIME,
  // MS_SILENT, MS_I_VERSION). "ro" is both here and in attr_set. They mean nothing for a bind mount.
  uint64_t superblock = 0;
  // What is left for the filesystem, in order: {"size", "65536k"}, {"newinstance", ""}. An empty value is a
  // flag (FSCONFIG_SET_FLAG). fsconfig(2) takes values up to 255 bytes; longer ones need mount(2) and
  // `data_text`.
  std::vector<std::pair<std::string, std::string>> data;

  [[nodiscard]] bool readonly() const;  // ro or rro
  // The data as mount(2) takes it: "size=65536k,newinstance".
  [[nodiscard]] std::string data_text() const;
};

// The options of one mount. An error names the option; the caller adds the pointer of the mount.
Result<ParsedMountOptions> parse_mount_options(const Mount& mount);

// fsconfig(2) names of the superblock flags that are set in `flags` ("ro", "sync", "dirsync", "mand",
// "lazytime"). MS_SILENT and MS_I_VERSION have no generic name and are left out.
std::vector<std::string_view> superblock_option_names(uint64_t flags);

// MS_SHARED|MS_REC and so on for linux.rootfsPropagation ("rprivate"), 0 for an unknown word.
uint64_t propagation_flags(std::string_view name);

// Every option name of the table in alphabetical order, for `features`.
std::vector<std::string_view> known_mount_options();

}  // namespace shoji
