#pragma once
// The whole stack of an image's layers as one erofs file of metadata (fs/erofs/erofs_fs.h of the kernel): regular files
// have size, mode, owner, times and xattrs, no data, and trusted.overlay.redirect + trusted.overlay.metacopy, which lead
// overlayfs to objects/, a data-only lower layer (Documentation/filesystems/overlayfs.rst, "Data-only lower layers").
// So files of equal content in whatever images share one inode: disk and page cache.
#include <span>
#include <string>

#include "base/error.h"

namespace shoji::images {

// `indexes`: paths of the layers' index files, lowest layer first. Whiteouts are applied. The file is written to `fd`
// from 0 on. Deterministic: the same layers give the same bytes.
Result<> compose(std::span<const std::string> indexes, int fd);

}  // namespace shoji::images
