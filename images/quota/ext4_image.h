#pragma once
// Files that hold an ext4 filesystem: how large they are made, their making, and their mounting.
//
// An image is larger than what it may hold (it is sparse, so that costs nothing): the limit in bytes is ext4's number of
// reserved clusters (/sys/fs/ext4/DEVICE/reserved_clusters, Documentation/admin-guide/ext4.rst), which nobody can
// allocate, root neither, and which changes at once, in both directions, in O(1). The number of inodes is the
// filesystem's own.
#include "base/fd.h"
#include "images/quota/loop_device.h"
#include "images/quota/quota.h"

namespace shoji::images {

inline constexpr uint64_t kImageBlock = 4096;
inline constexpr uint64_t kImageGroup = 32768 * kImageBlock;  // what one block of bitmap describes
// ext4 counts the inodes 1 to 10, which are its own, as used; 2 of them is the root directory, which counts for us too.
inline constexpr uint64_t kImageOwnInodes = 9;

struct ImageSize {
  uint64_t bytes = 0, inodes = 0;
};
// What an image for these limits is made like. `host_bytes`: the size of the filesystem it lies on.
ImageSize image_size(const QuotaLimits& limits, uint64_t host_bytes);

// Writes the filesystem into the empty file at `path`, by mkfs.ext4.
Result<> make_filesystem(const std::string& path, const ImageSize& size);
bool mkfs_there();

// Where the filesystem on the device is mounted nowhere yet: move_mount(2) puts it in place.
Result<UniqueFd> open_filesystem(const LoopDevice& device);
// Nothing more than `bytes` (0: no limit) can be stored in the filesystem at `mounted`.
Result<> reserve_beyond(int mounted, const LoopDevice& device, uint64_t bytes);
// Online, to the size of the device.
Result<> grow_filesystem(int mounted, const std::string& directory, uint64_t bytes);

// From statfs(2) of the mounted filesystem, and from the superblock of an image that is not mounted.
Result<QuotaUsage> mounted_usage(int mounted, const LoopDevice& device);
Result<QuotaUsage> image_usage(int file, const std::string& path);

}  // namespace shoji::images
