#include "images/quota/loop_image.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/io.h"
#include "base/rollback.h"
#include "images/quota/ext4_image.h"

namespace shoji::images {

namespace {

constexpr const char* kRecord = "trusted.shoji.quota";  // "BYTES INODES", as asked for
constexpr int kWaitMs = 3000, kStepMs = 5;
constexpr timespec kStep{.tv_sec = 0, .tv_nsec = kStepMs * 1'000'000L};

std::string unfinished_path(const std::string& directory) {
  return directory + ".img.new";
}

Result<> record(int file, const std::string& path, const QuotaLimits& limits) {
  std::string text = cat(limits.bytes, ' ', limits.inodes);
  if (fsetxattr(file, kRecord, text.data(), text.size(), 0) != 0)
    return fail_errno(errno, cat("record the limits of ", quote(path), " in its ", kRecord));
  return {};
}

Result<QuotaLimits> recorded(int file, const std::string& path) {
  char text[64] = {};
  if (fgetxattr(file, kRecord, text, sizeof text - 1) < 0)
    return fail_errno(errno, cat("read ", kRecord, " of ", quote(path)));
  char* end = nullptr;
  QuotaLimits limits{.bytes = strtoull(text, &end, 10), .inodes = 0};
  limits.inodes = strtoull(end, nullptr, 10);
  return limits;
}

// An image, and when it is mounted at its directory, that and its device.
struct Place {
  UniqueFd file, mounted;
  LoopDevice device;
};

Result<Place> open_place(const std::string& directory) {
  Place place;
  const std::string path = image_path(directory);
  TRY_ASSIGN(place.file, open_file(path, O_RDWR | O_NOFOLLOW));
  UniqueFd at(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!at) return place;
  auto device = loop_below(at.get(), place.file.get(), path);
  if (!device && device.error().kind != Kind::kNotFound) return std::unexpected(std::move(device).error());
  if (!device) return place;
  place.device = std::move(*device);
  place.mounted = std::move(at);
  return place;
}

// Opens the image for a mount of its own: two devices in front of one filesystem would destroy it. The lock lies on the
// open file that the loop device keeps, so that it ends with the device, whoever is killed. A device that is being
// cleared, or another process that mounts at this moment, is waited for; then `mounted` is set when the latter was it.
Result<Place> lock_place(const std::string& directory) {
  for (int waited = 0; waited < kWaitMs; waited += kStepMs) {
    TRY_ASSIGN(Place place, open_place(directory));
    if (place.mounted || flock(place.file.get(), LOCK_EX | LOCK_NB) == 0) return place;
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno(errno, cat("lock ", quote(image_path(directory))));
    nanosleep(&kStep, nullptr);
  }
  return fail(Kind::kState,
              cat("mount ", quote(image_path(directory)), ": it is mounted in another mount namespace"));
}

// Copy on write below a filesystem that writes in place is slow and fragments (btrfs(5), "nodatacow").
void write_in_place(int file) {
  struct statfs fs{};
  if (fstatfs(file, &fs) != 0 || fs.f_type != BTRFS_SUPER_MAGIC) return;
  int flags = FS_NOCOW_FL;
  if (ioctl(file, FS_IOC_SETFLAGS, &flags) != 0) errno = 0;  // only slower
}

Result<> write_image(const std::string& directory, const QuotaLimits& limits) {
  const std::string path = unfinished_path(directory);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  struct statfs host{};
  if (fstatfs(file.get(), &host) != 0)
    return fail_errno(errno, cat("inspect the filesystem of ", quote(path)));
  write_in_place(file.get());
  const ImageSize size = image_size(limits, host.f_blocks * static_cast<uint64_t>(host.f_bsize));
  if (ftruncate(file.get(), static_cast<off_t>(size.bytes)) != 0)
    return fail_errno(errno, cat("make ", quote(path), " ", size.bytes, " bytes long"));
  TRY(make_filesystem(path, size));
  TRY(record(file.get(), path, limits));
  if (fsync(file.get()) != 0) return fail_errno(errno, cat("write ", quote(path)));
  if (rename(path.c_str(), image_path(directory).c_str()) != 0)
    return fail_errno(errno, cat("rename ", quote(path)));
  return {};
}

}  // namespace

std::string image_path(const std::string& directory) {
  return directory + ".img";
}

bool has_image(const std::string& directory) {
  return access(image_path(directory).c_str(), F_OK) == 0 ||
         access(unfinished_path(directory).c_str(), F_OK) == 0;
}

// The directory comes last: when it is there, its image is whole.
Result<> make_image(const std::string& directory, const QuotaLimits& limits) {
  Rollback rollback;
  rollback.add([&] { ignore(remove_image(directory), "the first error counts"); });
  TRY(write_image(directory, limits));
  if (mkdir(directory.c_str(), 0755) != 0)
    return fail_errno(errno, cat("create directory ", quote(directory)));
  TRY(activate_image(directory));
  const std::string lost = directory + "/lost+found";  // e2fsck(8) makes it when it needs it
  if (rmdir(lost.c_str()) != 0) return fail_errno(errno, cat("remove ", quote(lost)));
  rollback.commit();
  return {};
}

Result<> activate_image(const std::string& directory) {
  const std::string path = image_path(directory);
  TRY_ASSIGN(Place place, lock_place(directory));
  TRY_ASSIGN(QuotaLimits limits, recorded(place.file.get(), path));
  if (place.mounted) return reserve_beyond(place.mounted.get(), place.device, limits.bytes);
  TRY_ASSIGN(LoopDevice device, attach_loop(place.file.get(), path));
  TRY_ASSIGN(UniqueFd mounted, open_filesystem(device));
  // Before anybody can reach it.
  TRY(reserve_beyond(mounted.get(), device, limits.bytes));
  if (syscall(SYS_move_mount, mounted.get(), "", AT_FDCWD, directory.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return fail_errno(errno, cat("mount ", quote(path), " on ", quote(directory)));
  return {};
}

Result<bool> image_mounted(const std::string& directory) {
  TRY_ASSIGN(Place place, open_place(directory));
  return static_cast<bool>(place.mounted);
}

Result<> deactivate_image(const std::string& directory) {
  TRY_ASSIGN(Place place, open_place(directory));
  if (!place.mounted) return {};
  place.mounted.reset();
  if (umount2(directory.c_str(), UMOUNT_NOFOLLOW) != 0)
    return fail_errno(errno, cat("unmount ", quote(directory)));
  return {};
}

namespace {

// The image's new length when it is too small for the limits, else 0.
Result<uint64_t> wanted_length(const std::string& directory, const Place& place, const QuotaLimits& limits,
                               const QuotaLimits& before) {
  struct stat st{};
  struct statfs fs{};
  if (fstat(place.file.get(), &st) != 0 || fstatfs(place.mounted.get(), &fs) != 0)
    return fail_errno(errno, cat("inspect ", quote(directory)));
  const auto length = static_cast<uint64_t>(st.st_size);
  const uint64_t inodes = fs.f_files - kImageOwnInodes;
  uint64_t wanted = 0;
  if (limits.bytes > fs.f_blocks * kImageBlock)
    wanted = image_size({.bytes = limits.bytes, .inodes = 0}, 0).bytes;
  if (limits.inodes > inodes) {
    const uint64_t groups = (length + kImageGroup - 1) / kImageGroup, each = fs.f_files / groups;
    wanted = std::max(wanted, (limits.inodes + kImageOwnInodes + each - 1) / each * kImageGroup);
  } else if (limits.inodes != 0 && limits.inodes != before.inodes && limits.inodes < inodes) {
    return fail(Kind::kUnsupported,
                cat("limit ", quote(directory), " to ", limits.inodes, " inodes: its image has ", inodes,
                    ", and a loop image cannot lose any"));
  }
  return wanted > length ? wanted : 0;
}

}  // namespace

Result<> set_image_limits(const std::string& directory, const QuotaLimits& limits) {
  const std::string path = image_path(directory);
  TRY_ASSIGN(Place place, open_place(directory));
  TRY_ASSIGN(QuotaLimits before, recorded(place.file.get(), path));
  TRY_ASSIGN(uint64_t longer, wanted_length(directory, place, limits, before));
  if (longer != 0) {
    if (ftruncate(place.file.get(), static_cast<off_t>(longer)) != 0)
      return fail_errno(errno, cat("make ", quote(path), " ", longer, " bytes long"));
    TRY(update_loop_size(place.device));
    TRY(grow_filesystem(place.mounted.get(), directory, longer));
  }
  TRY(record(place.file.get(), path, limits));
  return reserve_beyond(place.mounted.get(), place.device, limits.bytes);
}

Result<QuotaUsage> usage_of_image(const std::string& directory) {
  TRY_ASSIGN(Place place, open_place(directory));
  if (place.mounted) return mounted_usage(place.mounted.get(), place.device);
  TRY_ASSIGN(QuotaUsage usage, image_usage(place.file.get(), image_path(directory)));
  TRY_ASSIGN(QuotaLimits limits, recorded(place.file.get(), image_path(directory)));
  if (limits.bytes != 0) usage.limits.bytes = limits.bytes;
  return usage;
}

Result<> remove_image(const std::string& directory) {
  // A process that still stands in it keeps the deleted image until it leaves.
  for (int layers = 0; layers < 16; ++layers) {
    auto place = open_place(directory);
    if (!place || !place->mounted) break;
    if (umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
      return fail_errno(errno, cat("unmount ", quote(directory)));
  }
  for (const std::string& path : {unfinished_path(directory), image_path(directory)})
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  return remove_tree(directory);
}

}  // namespace shoji::images
