#pragma once
// Extents that several files share (reflinks; ioctl_ficlonerange(2)).
#include <cstdint>
#include <string>

namespace shoji::images {

// Bytes of the file in shared extents; 0 on filesystems that have none.
uint64_t shared_extents(int dir, const std::string& name);

}  // namespace shoji::images
