#include "images/quota/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/path.h"

namespace shoji::images {

namespace {

constexpr const char* kControl = "/dev/loop-control";
constexpr int kAttempts = 100;      // devices that others take between being told and being configured
constexpr uint32_t kLoopMajor = 7;  // Documentation/admin-guide/devices.txt

// "loop3" for the number of a block device: with loop.max_part the minor number is another.
Result<std::string> disk_name(uint32_t minor) {
  std::string link = cat("/sys/dev/block/", kLoopMajor, ':', minor);
  char target[512];
  ssize_t n = readlinkat(AT_FDCWD, link.c_str(), target, sizeof target);
  if (n < 0) return fail_errno(errno, cat("read link ", quote(link)));
  return std::string(base_name({target, static_cast<size_t>(n)}));
}

}  // namespace

bool loop_devices_there() {
  return open_file(kControl, O_RDWR).has_value();
}

Result<LoopDevice> attach_loop(int file, const std::string& path) {
  TRY_ASSIGN(UniqueFd control, open_file(kControl, O_RDWR));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno(errno, "find a free loop device");
    LoopDevice device{.fd = {}, .name = cat("loop", number)};
    TRY_ASSIGN(device.fd, open_file("/dev/" + device.name, O_RDWR));
    loop_config config{};
    config.fd = static_cast<__u32>(file);
    // Past the host's page cache, so that nothing is cached twice; the kernel falls back by itself where it cannot.
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    path.copy(reinterpret_cast<char*>(config.info.lo_file_name), LO_NAME_SIZE - 1);
    if (ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY)
      return fail_errno(errno, cat("put ", quote(device.name), " in front of ", quote(path)));
  }
  return fail_errno(EBUSY, cat("find a free loop device for ", quote(path)));
}

Result<LoopDevice> loop_below(int mounted, int file, const std::string& path) {
  struct stat st{};
  struct statx at{};
  if (fstat(file, &st) != 0 || statx(mounted, "", AT_EMPTY_PATH, STATX_INO, &at) != 0)
    return fail_errno(errno, cat("inspect ", quote(path)));
  if (at.stx_dev_major != kLoopMajor) return fail(Kind::kNotFound, cat(quote(path), " is not mounted"));
  LoopDevice device;
  TRY_ASSIGN(device.name, disk_name(at.stx_dev_minor));
  TRY_ASSIGN(device.fd, open_file("/dev/" + device.name, O_RDONLY));
  loop_info64 info{};
  if (ioctl(device.fd.get(), LOOP_GET_STATUS64, &info) != 0 || info.lo_inode != st.st_ino ||
      info.lo_device != st.st_dev)
    return fail(Kind::kNotFound, cat(quote(path), " is not behind ", quote(device.name)));
  return device;
}

Result<> update_loop_size(const LoopDevice& device) {
  if (ioctl(device.fd.get(), LOOP_SET_CAPACITY, 0) != 0)
    return fail_errno(errno, cat("tell ", quote(device.name), " its size"));
  return {};
}

}  // namespace shoji::images
