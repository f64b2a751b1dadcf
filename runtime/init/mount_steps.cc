// Steps that make, change and attach mounts: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), mount_setattr(2),
// move_mount(2), pivot_root(2).
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

// From <sys/mount.h>, which cannot be included beside <linux/mount.h> in glibc 2.36.
#define SHOJI_MNT_DETACH 2

namespace shoji {
namespace {

constexpr unsigned kCloneTree = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

long clone_of(long fd, unsigned flags) {
  return raw::call(SYS_open_tree, fd, "", kCloneTree | AT_EMPTY_PATH | flags);
}

long move_onto(long tree, long target) {
  return raw::call(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long set_attributes(int fd, const char* path, unsigned flags, const Step& step, int userns) {
  mount_attr attr{};
  attr.attr_set = step.u0;
  attr.attr_clr = step.u1;
  attr.propagation = step.u2;
  if (userns >= 0) attr.userns_fd = static_cast<uint64_t>(userns);
  return raw::call(SYS_mount_setattr, fd, path, flags, &attr, sizeof attr);
}

// ENOENT and ENOTDIR: the path does not exist in this root.
bool absent(long result) {
  return result == -ENOENT || result == -ENOTDIR;
}

constexpr uint64_t kNullDevice = 1 << 8 | 3;  // null(4)

bool is_symlink(int fd) {
  struct stat st{};
  return raw::call(SYS_fstat, fd, &st) == 0 && S_ISLNK(st.st_mode);
}

bool is_null_device(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == kNullDevice;
}

}  // namespace

// The filesystem's own words: lines "e text" of its log (fsopen(2)); the first is kept.
void MountSteps::fs_log(Walker& w, int fs) {
  char line[sizeof w.fs_text_ + 2];
  for (int i = 0; i < 8; ++i) {
    long n = raw::read(fs, line, sizeof line - 1);
    if (n <= 2) return;
    if (line[0] != 'e') continue;
    if (line[n - 1] == '\n') --n;
    copy_bytes(w.fs_text_, line + 2, static_cast<size_t>(n - 2));
    w.fs_text_[n - 2] = '\0';
    return;
  }
}

long MountSteps::configure(Walker& w, const Step& step, int fs) {
  if (step.s1 != 0) {
    long result = raw::call(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", w.text(step.s1), 0);
    if (result < 0) return result;
  }
  for (uint32_t i = 0; i + 1 < step.v0_len; i += 2) {
    const char* key = w.element(step.v0, i);
    const char* value = w.element(step.v0, i + 1);
    bool flag = value[0] == '\0';
    long result = raw::call(SYS_fsconfig, fs, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key,
                            flag ? nullptr : value, 0);
    if (result < 0) return result;
  }
  return 0;
}

long MountSteps::new_mount(Walker& w, const Step& step) {
  long fs = w.at(StepPart::kOpenFs, raw::call(SYS_fsopen, w.text(step.s0), FSOPEN_CLOEXEC));
  if (fs < 0) return fs;
  long result = w.at(StepPart::kConfigure, configure(w, step, static_cast<int>(fs)));
  if (result >= 0) {
    result = w.at(StepPart::kCreateFs, raw::call(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  }
  if (result >= 0) result = w.at(StepPart::kCreateFs, raw::call(SYS_fsmount, fs, FSMOUNT_CLOEXEC, step.u0));
  if (result < 0) fs_log(w, static_cast<int>(fs));
  raw::close(fs);
  if (result >= 0) w.take_slot(step.a, result);
  return result < 0 ? result : 0;
}

long MountSteps::open_tree(Walker& w, const Step& step) {
  long fd = raw::call(SYS_open_tree, AT_FDCWD, w.text(step.s0), step.flags | OPEN_TREE_CLOEXEC);
  if (fd >= 0) w.take_slot(step.a, fd);
  return fd < 0 ? fd : 0;
}

long MountSteps::tree_attr(Walker& w, const Step& step) {
  return set_attributes(w.slot(step.a), "", step.flags | AT_EMPTY_PATH, step, w.slot(step.b));
}

long MountSteps::propagation(Walker& w, const Step& step) {
  return raw::call(SYS_mount, nullptr, w.text(step.s0), nullptr, static_cast<uint64_t>(step.flags), nullptr);
}

long MountSteps::open_root(Walker& w, const Step& step) {
  w.root_ = w.slot(step.a);
  return 0;
}

long MountSteps::attach_host(Walker& w, const Step& step) {
  return raw::call(SYS_move_mount, w.slot(step.a), "", AT_FDCWD, w.text(step.s0),
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}

long MountSteps::attach(Walker& w, const Step& step) {
  Make what = (step.flags & kAttachFile) != 0 ? Make::kFile : Make::kDirectory;
  bool follow = (step.flags & kAttachNoFollow) == 0;
  const char* path = w.text(step.s0);
  long target = w.at(StepPart::kMountPoint, make_below(w.root_, path, what, follow));
  if (target < 0) return target;
  // A symlink of the image may lead a mount into /proc, over a masked file or one that the runtime writes
  // (CVE-2019-16884, CVE-2025-52881): the plan knows which mounts belong there.
  long result = 0;
  if ((step.flags & kAttachOverProc) == 0 && filesystem_magic(static_cast<int>(target)) == kProcMagic)
    result = w.at(StepPart::kInProc, -EPERM);
  if (result == 0) result = w.at(StepPart::kMoveMount, move_onto(w.slot(step.a), target));
  // The kernel's word for a directory that is to be mounted on a symlink is EINVAL.
  if (result == -EINVAL && is_symlink(static_cast<int>(target))) result = w.at(StepPart::kMountPoint, -ELOOP);
  raw::close(target);
  if (result < 0) return result;
  // A mount over the root itself is the root from now on, else everything after it would land below it.
  while (*path == '/') ++path;
  if (*path == '\0') {
    w.root_ = w.slot(step.a);
  } else {
    w.drop_slot(step.a);  // ten thousand mounts must not need ten thousand descriptors
  }
  return 0;
}

// mount(2) takes no descriptors: the mount point is entered, so that no path is resolved again.
long MountSteps::mount2(Walker& w, const Step& step) {
  const bool follow = (step.flags & kAttachNoFollow) == 0;
  long target = w.at(StepPart::kMountPoint, make_below(w.root_, w.text(step.s0), Make::kDirectory, follow));
  if (target < 0) return target;
  long result = 0;
  if (filesystem_magic(static_cast<int>(target)) == kProcMagic) result = w.at(StepPart::kInProc, -EPERM);
  if (result == 0) result = w.at(StepPart::kMountPoint, raw::call(SYS_fchdir, target));
  if (result == 0) {
    result =
        raw::call(SYS_mount, w.text(step.s1), ".", w.element(step.v0, 0), step.u0, w.element(step.v0, 1));
    raw::call(SYS_chdir, "/");
  }
  raw::close(target);
  return result;
}

long MountSteps::path_attr(Walker& w, const Step& step) {
  long fd = w.at(StepPart::kOpen, open_below(w.root_, w.text(step.s0), O_PATH));
  if (fd < 0) return fd;
  long result = set_attributes(static_cast<int>(fd), "", step.flags | AT_EMPTY_PATH, step, -1);
  raw::close(fd);
  return result;
}

// The host's /dev/null covers a file, an empty read-only tmpfs a directory. What is put on top is checked to be the
// real null device, so that a changed /dev cannot unmask a file (CVE-2025-31133).
long MountSteps::mask(Walker& w, const Step& step) {
  long fd = open_below(w.root_, w.text(step.s0), O_PATH);
  if (absent(fd)) return 0;
  if (fd < 0) return w.at(StepPart::kOpen, fd);
  struct stat st{};
  long result = raw::call(SYS_fstat, fd, &st);
  long cover = -1;
  if (result == 0 && S_ISDIR(st.st_mode)) {
    // A detached tree can be cloned only from Linux 6.15 on; once attached it can be cloned everywhere.
    cover = w.mask_attached_ ? clone_of(w.slot(step.b), 0) : raw::call(SYS_dup, w.slot(step.b));
    w.mask_attached_ = true;
  } else if (result == 0) {
    result = raw::call(SYS_fstat, w.slot(step.a), &st);
    if (result == 0 && !is_null_device(st)) result = -ENODEV;
    if (result == 0) cover = clone_of(w.slot(step.a), 0);
  }
  if (result == 0) result = cover < 0 ? cover : w.at(StepPart::kMoveMount, move_onto(cover, fd));
  if (cover >= 0) raw::close(cover);
  raw::close(fd);
  return result;
}

long MountSteps::readonly_path(Walker& w, const Step& step) {
  long fd = open_below(w.root_, w.text(step.s0), O_PATH);
  if (absent(fd)) return 0;
  if (fd < 0) return w.at(StepPart::kOpen, fd);
  long tree = clone_of(fd, AT_RECURSIVE);
  long result = tree;
  if (tree >= 0) {
    mount_attr attr{};
    attr.attr_set = MOUNT_ATTR_RDONLY;
    result = w.at(StepPart::kAttributes,
                  raw::call(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr));
    if (result == 0) result = w.at(StepPart::kMoveMount, move_onto(tree, fd));
    raw::close(tree);
  }
  raw::close(fd);
  return result < 0 ? result : 0;
}

// pivot_root(2) with "." for both: the old root ends up mounted over the new one and is then detached. It is made a
// slave first, so that the detaching does not travel to the host.
long MountSteps::pivot_root(Walker& w, const Step& /*step*/) {
  long old_root = raw::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old_root < 0) return old_root;
  long result = raw::call(SYS_fchdir, w.root_);
  if (result == 0) result = raw::call(SYS_pivot_root, ".", ".");
  if (result == 0) result = raw::call(SYS_fchdir, old_root);
  if (result == 0)
    result = raw::call(SYS_mount, nullptr, ".", nullptr, static_cast<uint64_t>(MS_SLAVE | MS_REC), nullptr);
  if (result == 0) result = raw::call(SYS_umount2, ".", SHOJI_MNT_DETACH);
  if (result == 0) result = raw::call(SYS_chdir, "/");
  raw::close(old_root);
  return result;
}

long MountSteps::move_root(Walker& w, const Step& step) {
  long result = raw::call(SYS_fchdir, w.root_);
  if (result == 0) result = raw::call(SYS_mount, ".", "/", nullptr, static_cast<uint64_t>(MS_MOVE), nullptr);
  return result == 0 ? chroot(w, step) : result;
}

long MountSteps::chroot(Walker& w, const Step& /*step*/) {
  long result = raw::call(SYS_fchdir, w.root_);
  if (result == 0) result = raw::call(SYS_chroot, ".");
  if (result == 0) result = raw::call(SYS_chdir, "/");
  return result;
}

}  // namespace shoji
