#include "images/unify/extents.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <array>

#include "base/fd.h"

namespace shoji::images {

namespace {

constexpr uint32_t kExtents = 64;  // at once
constexpr auto kXfsMagic = 0x58465342;

bool may_share(int fd) {
  struct statfs fs{};
  return fstatfs(fd, &fs) == 0 && (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == kXfsMagic);
}

}  // namespace

uint64_t shared_extents(int dir, const std::string& name) {
  if (!may_share(dir)) return 0;
  UniqueFd fd(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return 0;
  alignas(fiemap) std::array<char, sizeof(fiemap) + kExtents * sizeof(fiemap_extent)> buffer{};
  auto* map = reinterpret_cast<fiemap*>(buffer.data());
  uint64_t sum = 0;
  for (uint64_t at = 0;;) {
    *map = {};
    map->fm_start = at;
    map->fm_length = FIEMAP_MAX_OFFSET - at;
    map->fm_extent_count = kExtents;
    if (ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0 || map->fm_mapped_extents == 0) return sum;
    for (uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      if (extent.fe_flags & FIEMAP_EXTENT_SHARED) sum += extent.fe_length;
      if (extent.fe_flags & FIEMAP_EXTENT_LAST) return sum;
      at = extent.fe_logical + extent.fe_length;
    }
  }
}

}  // namespace shoji::images
