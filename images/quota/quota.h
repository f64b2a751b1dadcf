#pragma once
// A limit on what a directory tree holds, by whatever the filesystem below it has: project quotas (ext4, xfs), a btrfs
// subvolume with a qgroup, or else a sparse ext4 image on a loop device. Bytes and inodes; usage is read in O(1).
#include <cstdint>
#include <string>

#include "base/error.h"

namespace shoji::images {

enum class QuotaKind : uint8_t { kNone, kProject, kBtrfs, kLoop };
std::string_view quota_kind_name(QuotaKind kind);

struct QuotaLimits {
  uint64_t bytes = 0, inodes = 0;  // 0: no limit
};
struct QuotaUsage {
  QuotaKind kind = QuotaKind::kNone;
  uint64_t bytes = 0, inodes = 0;  // used
  QuotaLimits limits;
};

// What can hold a limit at `directory`, best first: tried, not guessed.
Result<QuotaKind> quota_kind(const std::string& directory);

// Makes `directory` (which must not exist) a place with limits. kLoop: DIRECTORY.img is made and mounted at it.
Result<QuotaKind> make_limited_directory(const std::string& directory, const QuotaLimits& limits);
// After a reboot a loop image is not mounted: mounts it again. Fine when there is nothing to do.
Result<> activate_limited_directory(const std::string& directory);
Result<> deactivate_limited_directory(
    const std::string& directory);  // before nothing uses it for long; unmounts
// Grows or shrinks while it is in use. Below what is used: kState with the figure.
Result<> set_quota(const std::string& directory, const QuotaLimits& limits);
Result<QuotaUsage> quota_usage(const std::string& directory);
// Removes it with everything in it; absent is fine.
Result<> remove_limited_directory(const std::string& directory);

}  // namespace shoji::images
