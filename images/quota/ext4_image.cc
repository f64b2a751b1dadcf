#include "images/quota/ext4_image.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/io.h"
#include "base/spawn.h"

namespace shoji::images {

namespace {

constexpr uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
constexpr uint64_t kJournal = 8 * kMiB;
constexpr uint64_t kInodeBytes = 256, kBytesPerInode = 16384;

// What the filesystem needs for itself: journal, inode tables, two bitmaps and a share of descriptors for each group.
uint64_t overhead(uint64_t bytes, uint64_t inodes) {
  return kJournal + inodes * kInodeBytes + (bytes / kImageGroup + 1) * 8 * kImageBlock + bytes / 1024 +
         4 * kMiB;
}

// Every feature is said here, not in the host's mke2fs.conf. A journal, because an upper directory must survive a power
// cut without fsck; meta_bg, because it lets the filesystem grow without descriptors set aside.
constexpr const char* kFeatures =
    "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,"
    "dir_nlink,extra_isize,metadata_csum,meta_bg";

uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

// mkfs.ext4 as Debian and others install it.
constexpr const char* kMkfs[] = {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4", "/usr/bin/mkfs.ext4"};

const char* mkfs_path() {
  for (const char* path : kMkfs)
    if (access(path, X_OK) == 0) return path;
  return nullptr;
}

}  // namespace

ImageSize image_size(const QuotaLimits& limits, uint64_t host_bytes) {
  const uint64_t bytes = limits.bytes != 0 ? limits.bytes : host_bytes;
  // Room to grow, as long as making the filesystem takes no longer for it.
  const uint64_t roomy = std::max({4 * kGiB, std::min(8 * bytes, 256 * kGiB), bytes + bytes / 16 + kGiB});
  if (limits.inodes == 0) return {round_up(roomy, kMiB), roomy / kBytesPerInode};
  // Inodes come in 16 for each group: fewer groups, a number closer to what was asked.
  const uint64_t inodes = limits.inodes + kImageOwnInodes;
  const uint64_t needed = bytes + overhead(bytes, inodes);
  const uint64_t exact = std::max(uint64_t{1}, inodes / 256) * kImageGroup;
  return {round_up(std::max(needed, std::min(roomy, exact)), kMiB), inodes};
}

bool mkfs_there() {
  return mkfs_path() != nullptr;
}

Result<> make_filesystem(const std::string& path, const ImageSize& size) {
  const char* program = mkfs_path();
  if (program == nullptr)
    return fail(Kind::kUnsupported, "make a loop image: mkfs.ext4 (e2fsprogs) is not installed");
  // The file is sparse, so that inode tables and journal are zero already (mke2fs 1.47).
  SpawnRequest request{.path = program,
                       .args = {"mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256", "-m", "0", "-N",
                                std::to_string(size.inodes), "-J", cat("size=", kJournal / kMiB), "-O",
                                kFeatures, "-E", "assume_storage_prezeroed=1,nodiscard,root_owner=0:0", path},
                       .env = {"MKE2FS_CONFIG=/dev/null", "LC_ALL=C"},
                       .join = {}};
  TRY_ASSIGN(Captured done, run_captured(request, "", 120'000));
  if (done.timed_out || done.status != 0)
    return fail(Kind::kSystem, cat("make a filesystem in ", quote(path), ": mkfs.ext4: ",
                                   done.timed_out ? "took longer than 120 s" : status_text(done.status), ": ",
                                   done.err.substr(0, done.err.find_last_not_of('\n') + 1)));
  return {};
}

Result<UniqueFd> open_filesystem(const LoopDevice& device) {
  const std::string source = "/dev/" + device.name;
  auto failed = [&] { return fail_errno(errno, cat("mount ", quote(source), " (ext4)")); };
  UniqueFd fs(static_cast<int>(syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC)));
  if (!fs) return failed();
  // discard: what is deleted inside is free on the host as well.
  const char* options[][2] = {{"source", source.c_str()}, {"errors", "remount-ro"}, {"discard", nullptr}};
  for (auto [key, value] : options) {
    const auto command = value != nullptr ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    if (syscall(SYS_fsconfig, fs.get(), command, key, value, 0) != 0) return failed();
  }
  if (syscall(SYS_fsconfig, fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return failed();
  // Set-id programs and devices of a container work through its overlay, and nowhere else.
  const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;
  UniqueFd mounted(static_cast<int>(syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, attributes)));
  if (!mounted) return failed();
  return mounted;
}

namespace {

std::string reserve_file(const LoopDevice& device) {
  return cat("/sys/fs/ext4/", device.name, "/reserved_clusters");
}

}  // namespace

Result<> reserve_beyond(int mounted, const LoopDevice& device, uint64_t bytes) {
  struct statfs fs{};
  if (fstatfs(mounted, &fs) != 0)
    return fail_errno(errno, cat("inspect the filesystem on ", quote(device.name)));
  const uint64_t blocks = round_up(bytes, kImageBlock) / kImageBlock, there = fs.f_blocks;
  const uint64_t beyond = bytes == 0 || blocks >= there ? 0 : there - blocks;
  return write_kernel_file(reserve_file(device), std::to_string(beyond));
}

Result<> grow_filesystem(int mounted, const std::string& directory, uint64_t bytes) {
  // EXT4_IOC_RESIZE_FS of the kernel's fs/ext4/ext4.h, in no header of the C library.
  constexpr unsigned long kResize = _IOW('f', 16, uint64_t);
  uint64_t blocks = bytes / kImageBlock;
  if (ioctl(mounted, kResize, &blocks) != 0)
    return fail_errno(errno, cat("grow the filesystem at ", quote(directory), " to ", bytes,
                                 errno == EPERM ? " bytes, which needs CAP_SYS_RESOURCE" : " bytes"));
  return {};
}

Result<QuotaUsage> mounted_usage(int mounted, const LoopDevice& device) {
  struct statfs fs{};
  if (fstatfs(mounted, &fs) != 0)
    return fail_errno(errno, cat("inspect the filesystem on ", quote(device.name)));
  TRY_ASSIGN(std::string reserved, read_file(reserve_file(device), 64));
  return QuotaUsage{.kind = QuotaKind::kLoop,
                    .bytes = (fs.f_blocks - fs.f_bfree) * kImageBlock,
                    .inodes = fs.f_files - fs.f_ffree - kImageOwnInodes,
                    .limits = {.bytes = (fs.f_blocks - strtoull(reserved.c_str(), nullptr, 10)) * kImageBlock,
                               .inodes = fs.f_files - kImageOwnInodes}};
}

Result<QuotaUsage> image_usage(int file, const std::string& path) {
  // Documentation/filesystems/ext4/super.rst: the superblock is at 1024, little endian.
  uint8_t super[1024];
  if (pread(file, super, sizeof super, 1024) != sizeof super)
    return fail_errno(errno, cat("read ", quote(path)));
  auto field = [&super](size_t offset) -> uint64_t {
    uint32_t value = 0;
    memcpy(&value, super + offset, sizeof value);
    return le32toh(value);
  };
  if ((field(0x38) & 0xffff) != 0xef53)
    return fail(Kind::kInvalid, cat(quote(path), " holds no ext4 filesystem"));
  const uint64_t blocks = field(0x4) | field(0x150) << 32, free = field(0xc) | field(0x158) << 32;
  const uint64_t usable = blocks - field(0x248);  // s_overhead_clusters
  return QuotaUsage{.kind = QuotaKind::kLoop,
                    .bytes = (usable - free) * kImageBlock,
                    .inodes = field(0x0) - field(0x10) - kImageOwnInodes,
                    .limits = {.bytes = usable * kImageBlock, .inodes = field(0x0) - kImageOwnInodes}};
}

}  // namespace shoji::images
