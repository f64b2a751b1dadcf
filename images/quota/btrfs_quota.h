#pragma once
// btrfs: the directory is a subvolume, limited by the quota group that every subvolume has (btrfs-quota(8)). Bytes only.
#include "images/quota/quota.h"

namespace shoji::images {

// Quota groups are on for the filesystem at `fd`. We never turn them on: it changes the operator's whole filesystem and
// slows all of it down.
bool btrfs_quota_on(int fd);
// The root directory of a subvolume.
bool is_subvolume(int fd);

// `parent`: the directory in which the subvolume `name` is made.
Result<> make_subvolume(int parent, const std::string& name);
Result<> remove_subvolume(int parent, const std::string& name);

Result<> set_subvolume_limit(int fd, const std::string& directory, uint64_t bytes);
// What was written counts when its transaction is committed (every 30 s, or by syncfs(2)); what is reserved for it
// counts at once where sysfs tells it.
Result<QuotaUsage> subvolume_usage(int fd, const std::string& directory);

}  // namespace shoji::images
