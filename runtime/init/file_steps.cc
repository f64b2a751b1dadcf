// Steps that make files below the root, write kernel files, and set the terminal up.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"
#include "runtime/init/walker.h"

namespace shoji {
namespace {

struct WindowSize {
  uint16_t rows, columns, x_pixels, y_pixels;
};

long write_whole(int fd, const char* data, uint32_t size) {
  long n = raw::write(fd, data, size);
  if (n < 0) return n;
  return n == static_cast<long>(size) ? 0 : -EIO;
}

long write_file_below(int dir, const char* path, const char* data, uint32_t size, StepPart& part) {
  part = StepPart::kOpen;
  long fd = raw::openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return fd;
  part = StepPart::kWrite;
  long result = write_whole(static_cast<int>(fd), data, size);
  raw::close(fd);
  if (result == 0) part = StepPart::kWhole;
  return result;
}

}  // namespace

long FileSteps::make_dir(Walker& w, const Step& step) {
  long fd = make_below(w.root_, w.text(step.s0), Make::kDirectory, true);
  if (fd >= 0) raw::close(fd);
  return fd < 0 ? fd : 0;
}

long FileSteps::make_node(Walker& w, const Step& step) {
  const char* name = nullptr;
  long dir = w.at(StepPart::kMountPoint, make_below(w.root_, w.text(step.s0), Make::kParent, true, &name));
  if (dir < 0) return dir;
  auto mode = static_cast<unsigned>(step.u0);
  long result = raw::call(SYS_mknodat, dir, name, mode, step.u1);
  if (result == -EEXIST) {
    // An image may bring the node; anything else under its name is not a device we were asked for.
    struct stat st{};
    result = raw::call(SYS_newfstatat, dir, name, &st, AT_SYMLINK_NOFOLLOW);
    if (result == 0 &&
        ((st.st_mode & S_IFMT) != (mode & S_IFMT) || (!S_ISFIFO(mode) && st.st_rdev != step.u1)))
      result = -EEXIST;
    if (result == 0) result = raw::call(SYS_fchmodat, dir, name, mode & 07777);
  }
  if (result == 0 && step.u2 != 0) {
    result = raw::call(SYS_fchownat, dir, name, static_cast<uint32_t>(step.u2 >> 32),
                       static_cast<uint32_t>(step.u2), AT_SYMLINK_NOFOLLOW);
  }
  raw::close(dir);
  return result;
}

long FileSteps::symlink(Walker& w, const Step& step) {
  const char* name = nullptr;
  long dir = w.at(StepPart::kMountPoint, make_below(w.root_, w.text(step.s1), Make::kParent, true, &name));
  if (dir < 0) return dir;
  long result = raw::call(SYS_symlinkat, w.text(step.s0), dir, name);
  if (result == -EEXIST && (step.flags & kSymlinkReplace) != 0) {
    result = raw::call(SYS_unlinkat, dir, name, 0);
    if (result == 0) result = raw::call(SYS_symlinkat, w.text(step.s0), dir, name);
  } else if (result == -EEXIST) {
    result = 0;
  }
  raw::close(dir);
  return result;
}

namespace {

constexpr uint64_t kNullDevice = 1 << 8 | 3;  // null(4): everybody's, not the container's to own

long chown_descriptor(int fd, uint32_t uid) {
  struct stat st{};
  long result = raw::call(SYS_fstat, fd, &st);
  if (result < 0 || st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == kNullDevice)) return result;
  return raw::call(SYS_fchown, fd, uid, -1);
}

}  // namespace

long FileSteps::chown_path(Walker& w, const Step& step) {
  if (step.a >= 0) return chown_descriptor(w.slot(step.a), static_cast<uint32_t>(step.u2 >> 32));
  long fd = open_below(w.root_, w.text(step.s0), O_PATH | O_NOFOLLOW);
  if (fd < 0) return fd;
  long result = raw::call(SYS_fchownat, fd, "", static_cast<uint32_t>(step.u2 >> 32),
                          static_cast<uint32_t>(step.u2), AT_EMPTY_PATH);
  raw::close(fd);
  return result;
}

long FileSteps::write_slot(Walker& w, const Step& step) {
  return write_whole(w.slot(step.a), w.text(step.s0), step.s0_len);
}

long FileSteps::write_proc(Walker& w, const Step& step) {
  return write_file_below(w.header_->proc, w.text(step.s0), w.text(step.s1), step.s1_len, w.part_);
}

namespace {

// Both ends of a new terminal of the container's own devpts. What the image calls /dev/ptmx must be one.
long open_pair(int root, int& slave, StepPart& part) {
  part = StepPart::kPtmx;
  long found = open_below(root, "dev/ptmx", O_RDWR | O_NOCTTY);
  if (found < 0) return found;
  long magic = filesystem_magic(static_cast<int>(found));
  long result = magic < 0 ? magic : magic != kDevptsMagic ? -ENOTTY : 0;
  int unlocked = 0;
  if (result == 0) {
    part = StepPart::kUnlock;
    result = raw::call(SYS_ioctl, found, TIOCSPTLCK, &unlocked);
  }
  if (result == 0) {
    part = StepPart::kPts;
    result = raw::call(SYS_ioctl, found, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  }
  if (result < 0) {
    raw::close(found);
    return result;
  }
  slave = static_cast<int>(result);
  part = StepPart::kWhole;
  return found;
}

// /dev/console is the terminal: bound by descriptor, onto a file that is no symlink (CVE-2025-52565).
long bind_console(int root, int slave) {
  long target = make_below(root, "dev/console", Make::kFile, false);
  if (target < 0) return target;
  struct stat st{};
  long result = raw::call(SYS_fstat, target, &st);
  if (result == 0 && S_ISLNK(st.st_mode)) result = -ELOOP;
  long tree = -1;
  if (result == 0) {
    tree = raw::call(SYS_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    result = tree < 0 ? tree : 0;
  }
  if (tree >= 0) {
    result =
        raw::call(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    raw::close(tree);
  }
  raw::close(target);
  return result;
}

long adopt(int slave, StepPart& part) {
  part = StepPart::kTty;
  long result = raw::call(SYS_ioctl, slave, TIOCSCTTY, 0);
  for (int fd = 0; fd < 3 && result >= 0; ++fd) result = raw::call(SYS_dup3, slave, fd, 0);
  return result < 0 ? result : 0;
}

}  // namespace

long FileSteps::console(Walker& w, const Step& step) {
  int slave = -1;
  long master = open_pair(w.root_, slave, w.part_);
  if (master < 0) return master;
  WindowSize size{static_cast<uint16_t>(step.u0 >> 16), static_cast<uint16_t>(step.u0), 0, 0};
  long result = 0;
  if (step.u0 != 0) result = raw::call(SYS_ioctl, master, TIOCSWINSZ, &size);
  // The program's user owns its terminal, else it cannot open it again; the group stays devpts's choice.
  if (result == 0)
    result = w.at(StepPart::kUid, raw::call(SYS_fchown, slave, static_cast<uint32_t>(step.u1), -1));
  if (result == 0 && (step.flags & kConsoleBind) != 0)
    result = w.at(StepPart::kMountPoint, bind_console(w.root_, slave));
  if (result == 0) {
    Message message{};
    message.kind = MessageKind::kConsole;
    result = w.at(StepPart::kSend, SyncSteps::send(w, message, static_cast<int>(master)));
  }
  if (result == 0) result = adopt(slave, w.part_);
  raw::close(master);
  raw::close(slave);
  return result;
}

}  // namespace shoji
