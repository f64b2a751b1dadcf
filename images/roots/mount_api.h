#pragma once
// The mount system calls of Linux 5.2 and later as Results. musl has no wrappers for them, so they go by syscall(2).
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::images {

// The running kernel's version as major * 1000 + minor: 6012 for 6.12.
int kernel_version();

// The mount at `path` once more, without the mounts below it and not attached anywhere (open_tree(2)).
Result<UniqueFd> clone_mount(int dir, const std::string& path);
Result<UniqueFd> open_filesystem(const std::string& type);
Result<> set_option(int filesystem, const std::string& key, const std::string& value);
Result<> set_flag(int filesystem, const std::string& key);
Result<> set_descriptor(int filesystem, const std::string& key, int fd);
// Makes the superblock, and a detached mount of it with MOUNT_ATTR_* `attributes`. The kernel's own words, where it
// left any in the filesystem context, are in the error.
Result<UniqueFd> create_mount(int filesystem, const std::string& what, unsigned attributes);
// Shifts the ids of a detached mount (mount_setattr(2), MOUNT_ATTR_IDMAP).
Result<> map_mount_ids(int mount, int user_namespace, const std::string& what);
Result<> make_mount_read_only(int mount);
Result<> attach_mount(int mount, const std::string& target);

}  // namespace shoji::images
