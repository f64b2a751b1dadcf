#include "images/roots/mount_api.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace shoji::images {

int kernel_version() {
  struct utsname names{};
  if (syscall(SYS_uname, &names) != 0) return 0;
  char* end = nullptr;
  long major = strtol(names.release, &end, 10);
  long minor = *end == '.' ? strtol(end + 1, nullptr, 10) : 0;
  return static_cast<int>(major * 1000 + minor);
}

Result<UniqueFd> clone_mount(int dir, const std::string& path) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  UniqueFd fd(static_cast<int>(syscall(SYS_open_tree, dir, path.c_str(), flags)));
  if (!fd) return fail_errno(errno, cat("clone the mount at ", quote(path)));
  return fd;
}

Result<UniqueFd> open_filesystem(const std::string& type) {
  UniqueFd fd(static_cast<int>(syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC)));
  if (fd) return fd;
  if (errno == ENODEV) return fail(Kind::kUnsupported, cat("this kernel has no filesystem ", quote(type)));
  return fail_errno(errno, cat("open filesystem ", quote(type)));
}

Result<> set_option(int filesystem, const std::string& key, const std::string& value) {
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) == 0) return {};
  return fail_errno(errno, cat("mount option ", quote(cat(key, "=", value))));
}

Result<> set_flag(int filesystem, const std::string& key) {
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) == 0) return {};
  return fail_errno(errno, cat("mount option ", quote(key)));
}

Result<> set_descriptor(int filesystem, const std::string& key, int fd) {
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_SET_FD, key.c_str(), nullptr, fd) == 0) return {};
  return fail_errno(errno, cat("mount option ", quote(key), " (a descriptor)"));
}

namespace {

// "e overlay: upperdir is in-use" -> "overlay: upperdir is in-use"; empty when the kernel said nothing.
std::string kernel_words(int filesystem) {
  char line[512];
  ssize_t n = read(filesystem, line, sizeof line);
  if (n <= 2 || line[1] != ' ') return "";
  std::string text(line + 2, static_cast<size_t>(n) - 2);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<UniqueFd> create_mount(int filesystem, const std::string& what, unsigned attributes) {
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    int err = errno;
    std::string words = kernel_words(filesystem);
    return fail_errno(err, words.empty() ? cat("mount ", what) : cat("mount ", what, ": ", words));
  }
  UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, attributes)));
  if (!mount) return fail_errno(errno, cat("mount ", what));
  return mount;
}

Result<> map_mount_ids(int mount, int user_namespace, const std::string& what) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(user_namespace);
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return {};
  if (errno == EINVAL)
    return fail(Kind::kUnsupported,
                cat("map the ids of ", what, ": its filesystem has no id-mapped mounts on this kernel"));
  return fail_errno(errno, cat("map the ids of ", what));
}

Result<> make_mount_read_only(int mount) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return {};
  return fail_errno(errno, "make a mount read-only");
}

Result<> attach_mount(int mount, const std::string& target) {
  if (syscall(SYS_move_mount, mount, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
  return fail_errno(errno, cat("mount on ", quote(target)));
}

}  // namespace shoji::images
