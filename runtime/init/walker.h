#pragma once
// The walker: executes a plan (base/step.h) step by step. Freestanding in shoji-init, hosted in tests.
// Every function returns 0 or a negative errno, as the kernel does.
#include <stdint.h>

#include "base/step.h"

namespace shoji {

class Walker {
 public:
  // `plan` is the start of a writable blob made by StepList::blob(); false when it is not one.
  bool load(char* plan);
  // Runs every step. Returns only on failure, after reporting it: the exit status for the process.
  int walk();
  // One step, for tests. 0 or -errno; part() tells which part of it.
  long run(const Step& step);
  [[nodiscard]] StepPart part() const { return part_; }
  void set_root(int fd) { root_ = fd; }
  [[nodiscard]] int slot(int32_t index) const { return index < 0 ? -1 : slots_[index]; }

 private:
  friend struct MountSteps;
  friend struct FileSteps;
  friend struct ProcessSteps;
  friend struct SyncSteps;

  [[nodiscard]] const char* text(uint32_t offset) const { return plan_ + offset; }
  [[nodiscard]] uint64_t* vector(uint32_t offset) const {
    return reinterpret_cast<uint64_t*>(plan_ + offset);
  }
  [[nodiscard]] const char* element(uint32_t offset, uint32_t index) const {
    return plan_ + vector(offset)[index];
  }
  long at(StepPart part, long result) {
    if (result < 0) part_ = part;
    return result;
  }
  void take_slot(int32_t index, long fd);
  void drop_slot(int32_t index);
  void report(uint32_t index, long err);
  static bool passed_over(const Step& step, long result);

  char* plan_ = nullptr;
  const PlanHeader* header_ = nullptr;
  const Step* steps_ = nullptr;
  int32_t* slots_ = nullptr;
  int root_ = -1;    // the container's root: every "path" operand is resolved below it
  int report_ = -1;  // takes failures instead of the socket once set
  const char* program_ = nullptr;
  bool mask_attached_ = false;  // the empty tmpfs for masked directories is mounted somewhere already
  bool in_cwd_ = false;         // a kChdir has worked
  StepPart part_ = StepPart::kWhole;
  char fs_text_[sizeof(Message::text)] = {};
};

// --- pieces, one file each -------------------------------------------------------------------------------------
using StepFunction = long (*)(Walker&, const Step&);
struct MountSteps {
  static long new_mount(Walker& w, const Step& step);
  static long open_tree(Walker& w, const Step& step);
  static long tree_attr(Walker& w, const Step& step);
  static long propagation(Walker& w, const Step& step);
  static long open_root(Walker& w, const Step& step);
  static long attach_host(Walker& w, const Step& step);
  static long attach(Walker& w, const Step& step);
  static long mount2(Walker& w, const Step& step);
  static long path_attr(Walker& w, const Step& step);
  static long mask(Walker& w, const Step& step);
  static long readonly_path(Walker& w, const Step& step);
  static long pivot_root(Walker& w, const Step& step);
  static long move_root(Walker& w, const Step& step);
  static long chroot(Walker& w, const Step& step);

 private:
  static long configure(Walker& w, const Step& step, int fs);
  static void fs_log(Walker& w, int fs);
};
struct FileSteps {
  static long make_dir(Walker& w, const Step& step);
  static long make_node(Walker& w, const Step& step);
  static long symlink(Walker& w, const Step& step);
  static long chown_path(Walker& w, const Step& step);
  static long write_slot(Walker& w, const Step& step);
  static long write_proc(Walker& w, const Step& step);
  static long console(Walker& w, const Step& step);
};
struct ProcessSteps {
  static long set_namespace(Walker& w, const Step& step);
  static long unshare(Walker& w, const Step& step);
  static long set_ids(Walker& w, const Step& step);
  static long loopback_up(Walker& w, const Step& step);
  static long sethostname(Walker& w, const Step& step);
  static long setdomainname(Walker& w, const Step& step);
  static long setsid(Walker& w, const Step& step);
  static long session_keyring(Walker& w, const Step& step);
  static long rlimit(Walker& w, const Step& step);
  static long set_umask(Walker& w, const Step& step);
  static long scheduler(Walker& w, const Step& step);
  static long io_priority(Walker& w, const Step& step);
  static long affinity(Walker& w, const Step& step);
  static long personality(Walker& w, const Step& step);
  static long mempolicy(Walker& w, const Step& step);
  static long drop_bounding(Walker& w, const Step& step);
  static long keep_caps(Walker& w, const Step& step);
  static long set_caps(Walker& w, const Step& step);
  static long ambient(Walker& w, const Step& step);
  static long no_new_privs(Walker& w, const Step& step);
  static long seccomp(Walker& w, const Step& step);
  static long change_dir(Walker& w, const Step& step);
  static long cloexec_from(Walker& w, const Step& step);
  static long close_host(Walker& w, const Step& step);
  static long undumpable(Walker& w, const Step& step);
  static long dup_to(Walker& w, const Step& step);
  static long find_program(Walker& w, const Step& step);
  static long exec(Walker& w, const Step& step);
  static long apparmor_exec(Walker& w, const Step& step);
  static long selinux_exec(Walker& w, const Step& step);
};
struct SyncSteps {
  static long none(Walker& w, const Step& step);
  static long sync(Walker& w, const Step& step);
  static long fork(Walker& w, const Step& step);
  static long gate(Walker& w, const Step& step);
  static long report(Walker& w, const Step& step);
  static long supervise(Walker& w, const Step& step);  // supervise.cc
  static long send(Walker& w, const Message& message, int fd);
  static long wait_for_go(Walker& w);
};

// Of statfs(2): which filesystem an open file is on, or a negative errno.
inline constexpr long kDevptsMagic = 0x1cd1;
inline constexpr long kProcMagic = 0x9fa0;
long filesystem_magic(int fd);

// --- path resolution below a root (resolve.cc) -----------------------------------------------------------------
// An O_PATH descriptor of `path` below `root`, never outside of it, never through a magic link of /proc.
long open_below(int root, const char* path, uint64_t open_flags);
enum class Make { kDirectory, kFile, kParent };
// Like open_below, but makes what is missing (directories 0755, a file 0755 & ~umask at the end for kFile). A dangling symlink on the
// way is followed inside the root, as a chroot would. kParent: the descriptor of the parent directory; `name` gets the
// last component.
long make_below(int root, const char* path, Make what, bool follow_last, const char** name = nullptr);

}  // namespace shoji
