#pragma once
// tmpcopyup: a tmpfs that starts with what the image has at its mount point.
#include "base/error.h"
#include "base/fd.h"
#include "namespaces/mounts/parent_mount.h"

namespace shoji {

// A detached tmpfs with the content of mount.source below mount.root: files, directories, symlinks, device
// nodes, FIFOs and hard links with their owners, modes, times and extended attributes. Sockets are left out:
// nobody listens on a copy. The image is hostile: no symlink is followed, nothing outside of the root is
// read.
Result<UniqueFd> make_copied_tmpfs(const ParentMount& mount);

// Copies the members of directory `from` into directory `to`, and the attributes of `from` itself.
Result<> copy_tree(int from, int to);

}  // namespace shoji
