#include "images/quota/project_quota.h"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/io.h"

namespace shoji::images {

namespace {

// The numbers that are ours, far from what people give by hand (small ones) and from kubelet's (1048577 and up). The
// directory itself records which one it has, so that no list can disagree with it.
constexpr uint32_t kFirstProject = 0x5368'0000, kLastProject = 0x536f'ffff;
constexpr uint64_t kBlock = 512;  // of dqblk_xfs.h

// quotactl_fd(2) is Linux 5.14; before it the quota would have to be found by the name of its block device.
int quota_command(int fd, int command, uint32_t project, void* data) {
  const auto code = static_cast<unsigned>(QCMD(command, PRJQUOTA));
  return syscall(SYS_quotactl_fd, fd, code, project, data) < 0 ? errno : 0;
}

// What is counted for a project; nothing was ever (ENOENT of xfs, ESRCH) is nothing.
Result<fs_disk_quota> read_quota(int fd, const std::string& directory, uint32_t project) {
  fs_disk_quota quota{};
  int err = quota_command(fd, Q_XGETQUOTA, project, &quota);
  if (err == ENOENT || err == ESRCH) return fs_disk_quota{};
  if (err != 0) return fail_errno(err, cat("read the quota of project ", project, " at ", quote(directory)));
  return quota;
}

bool unused(const fs_disk_quota& quota) {
  return quota.d_bcount == 0 && quota.d_icount == 0 && quota.d_blk_hardlimit == 0 &&
         quota.d_blk_softlimit == 0 && quota.d_ino_hardlimit == 0 && quota.d_ino_softlimit == 0;
}

// Lines of /etc/projid (projid(5)) are NAME:ID.
bool reserved_by_operator(std::string_view projid, uint32_t project) {
  const std::string id = std::to_string(project);
  while (!projid.empty()) {
    std::string_view line = projid.substr(0, projid.find('\n'));
    projid.remove_prefix(std::min(projid.size(), line.size() + 1));
    if (size_t colon = line.rfind(':'); colon != std::string_view::npos && line.substr(colon + 1) == id)
      return true;
  }
  return false;
}

Result<> tag(int fd, const std::string& directory, uint32_t project) {
  fsxattr attributes{};
  if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0)
    return fail_errno(errno, cat("read the attributes of ", quote(directory)));
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;  // what is made inside belongs to the project as well
  if (ioctl(fd, FS_IOC_FSSETXATTR, &attributes) != 0)
    return fail_errno(errno, cat("give ", quote(directory), " the project ", project));
  return {};
}

// Two processes may find the same number free at the same time. Each counts after it has taken it: who sees only its
// own directory has it, and who sees two tries another, which needs no lock that all mount namespaces would share.
Result<bool> claim(int fd, const std::string& directory, uint32_t project) {
  TRY_ASSIGN(fs_disk_quota before, read_quota(fd, directory, project));
  if (!unused(before)) return false;
  TRY(tag(fd, directory, project));
  TRY_ASSIGN(fs_disk_quota after, read_quota(fd, directory, project));
  return after.d_icount == 1;
}

}  // namespace

bool project_quota_on(int fd) {
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  return quota_command(fd, Q_XGETQSTATV, 0, &state) == 0 && (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0;
}

uint32_t project_of(int fd) {
  fsxattr attributes{};
  if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return 0;
  const bool ours = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0 &&
                    attributes.fsx_projid >= kFirstProject && attributes.fsx_projid <= kLastProject;
  return ours ? attributes.fsx_projid : 0;
}

Result<> make_project(int fd, const std::string& directory, const QuotaLimits& limits) {
  std::string projid = read_file("/etc/projid", 1 << 20).value_or("");
  for (int attempt = 0; attempt < 100; ++attempt) {
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number) return fail_errno(errno, "read random bytes");
    const uint32_t project = kFirstProject + number % (kLastProject - kFirstProject + 1);
    if (reserved_by_operator(projid, project)) continue;
    TRY_ASSIGN(bool mine, claim(fd, directory, project));
    if (mine) return set_project_limits(fd, directory, limits);
  }
  return fail(Kind::kState, cat("give ", quote(directory), " a project: no free number found"));
}

Result<> set_project_limits(int fd, const std::string& directory, const QuotaLimits& limits) {
  const uint32_t project = project_of(fd);
  fs_disk_quota quota{};
  quota.d_version = FS_DQUOT_VERSION;
  quota.d_flags = FS_PROJ_QUOTA;
  quota.d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT | FS_DQ_IHARD | FS_DQ_ISOFT;
  quota.d_id = project;
  quota.d_blk_hardlimit = (limits.bytes + kBlock - 1) / kBlock;
  quota.d_ino_hardlimit = limits.inodes;
  if (int err = quota_command(fd, Q_XSETQLIM, project, &quota); err != 0)
    return fail_errno(err, cat("limit project ", project, " at ", quote(directory), " to ", limits.bytes,
                               " bytes and ", limits.inodes, " inodes"));
  return {};
}

Result<QuotaUsage> project_usage(int fd, const std::string& directory) {
  TRY_ASSIGN(fs_disk_quota quota, read_quota(fd, directory, project_of(fd)));
  return QuotaUsage{.kind = QuotaKind::kProject,
                    .bytes = quota.d_bcount * kBlock,
                    .inodes = quota.d_icount,
                    .limits = {.bytes = quota.d_blk_hardlimit * kBlock, .inodes = quota.d_ino_hardlimit}};
}

}  // namespace shoji::images
