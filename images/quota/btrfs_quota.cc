#include "images/quota/btrfs_quota.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/io.h"

namespace shoji::images {

namespace {

// One item of the quota tree by its exact key; kNotFound when it is not there, or there is no quota tree.
template <typename Item>
Result<Item> find_item(int fd, uint32_t type, uint64_t offset) {
  auto search = std::make_unique<btrfs_ioctl_search_args>();
  search->key.tree_id = BTRFS_QUOTA_TREE_OBJECTID;
  search->key.min_type = search->key.max_type = type;
  search->key.min_offset = search->key.max_offset = offset;
  search->key.max_transid = UINT64_MAX;
  search->key.nr_items = 1;
  if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, search.get()) != 0) return fail_errno(errno, "search the quota tree");
  btrfs_ioctl_search_header header{};
  memcpy(&header, search->buf, sizeof header);
  if (search->key.nr_items == 0 || header.len < sizeof(Item))
    return fail_errno(ENOENT, "search the quota tree");
  Item item{};
  memcpy(&item, search->buf + sizeof header, sizeof item);
  return item;
}

Result<uint64_t> subvolume_id(int fd, const std::string& directory) {
  btrfs_ioctl_ino_lookup_args lookup{};
  lookup.objectid = BTRFS_FIRST_FREE_OBJECTID;  // its root directory; treeid 0: the subvolume of fd
  if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &lookup) != 0)
    return fail_errno(errno, cat("find the subvolume of ", quote(directory)));
  return lookup.treeid;
}

// /sys/fs/btrfs/UUID/qgroups/0_ID/rsv_data (Linux 5.9): bytes that are promised to writes on their way.
uint64_t reserved(int fd, uint64_t id) {
  btrfs_ioctl_fs_info_args info{};
  if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0) return 0;
  std::string uuid;
  for (int i = 0; i < BTRFS_FSID_SIZE; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += "0123456789abcdef"[info.fsid[i] >> 4];
    uuid += "0123456789abcdef"[info.fsid[i] & 15];
  }
  auto text = read_file(cat("/sys/fs/btrfs/", uuid, "/qgroups/0_", id, "/rsv_data"), 64);
  return text ? strtoull(text->c_str(), nullptr, 10) : 0;
}

}  // namespace

bool btrfs_quota_on(int fd) {
  struct statfs fs{};
  if (fstatfs(fd, &fs) != 0 || fs.f_type != BTRFS_SUPER_MAGIC) return false;
  auto status = find_item<btrfs_qgroup_status_item>(fd, BTRFS_QGROUP_STATUS_KEY, 0);
  return status && (le64toh(status->flags) & BTRFS_QGROUP_STATUS_FLAG_ON) != 0;
}

bool is_subvolume(int fd) {
  struct statfs fs{};
  struct stat st{};
  return fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC && fstat(fd, &st) == 0 &&
         st.st_ino == BTRFS_FIRST_FREE_OBJECTID;
}

Result<> make_subvolume(int parent, const std::string& name) {
  btrfs_ioctl_vol_args args{};
  if (name.size() > BTRFS_VOL_NAME_MAX) return fail_errno(ENAMETOOLONG, cat("make subvolume ", quote(name)));
  memcpy(args.name, name.data(), name.size());
  if (ioctl(parent, BTRFS_IOC_SUBVOL_CREATE, &args) != 0)
    return fail_errno(errno, cat("make subvolume ", quote(name)));
  return {};
}

Result<> remove_subvolume(int parent, const std::string& name) {
  uint64_t id = 0;
  {
    TRY_ASSIGN(UniqueFd fd, open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY_ASSIGN(id, subvolume_id(fd.get(), name));
  }
  btrfs_ioctl_vol_args args{};
  memcpy(args.name, name.data(), std::min(name.size(), sizeof args.name - 1));
  if (ioctl(parent, BTRFS_IOC_SNAP_DESTROY, &args) != 0)
    return fail_errno(errno, cat("remove subvolume ", quote(name)));
  // Linux 6.11 removes the group with its subvolume, and refuses (EBUSY) as long as that is going away.
  btrfs_ioctl_qgroup_create_args group{};
  group.qgroupid = id;
  if (ioctl(parent, BTRFS_IOC_QGROUP_CREATE, &group) != 0) errno = 0;
  return {};
}

Result<> set_subvolume_limit(int fd, const std::string& directory, uint64_t bytes) {
  btrfs_ioctl_qgroup_limit_args args{};  // qgroupid 0: of the subvolume of fd
  args.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
  args.lim.max_rfer = bytes != 0 ? bytes : UINT64_MAX;  // all ones: no limit (kernel's CLEAR_VALUE)
  if (ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &args) != 0)
    return fail_errno(errno, cat("limit ", quote(directory), " to ", bytes, " bytes"));
  return {};
}

Result<QuotaUsage> subvolume_usage(int fd, const std::string& directory) {
  TRY_ASSIGN(uint64_t id, subvolume_id(fd, directory));
  auto info = find_item<btrfs_qgroup_info_item>(fd, BTRFS_QGROUP_INFO_KEY, id);
  if (!info) return std::unexpected(within(cat("read the quota of ", quote(directory)), info.error()));
  QuotaUsage usage{
      .kind = QuotaKind::kBtrfs, .bytes = le64toh(info->rfer) + reserved(fd, id), .inodes = 0, .limits = {}};
  auto limit = find_item<btrfs_qgroup_limit_item>(fd, BTRFS_QGROUP_LIMIT_KEY, id);
  if (limit && (le64toh(limit->flags) & BTRFS_QGROUP_LIMIT_MAX_RFER) != 0)
    usage.limits.bytes = le64toh(limit->max_rfer);
  return usage;
}

}  // namespace shoji::images
