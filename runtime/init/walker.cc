#include "runtime/init/walker.h"

#include <errno.h>

#include "runtime/init/freestanding.h"
#include "runtime/init/raw.h"

namespace shoji {
namespace {

struct Row {
  StepKind kind;
  StepFunction function;
};

// In the order of StepKind; checked below.
constexpr Row kSteps[] = {
    {StepKind::kNone, SyncSteps::none},
    {StepKind::kWriteSlot, FileSteps::write_slot},
    {StepKind::kSetns, ProcessSteps::set_namespace},
    {StepKind::kUnshare, ProcessSteps::unshare},
    {StepKind::kSync, SyncSteps::sync},
    {StepKind::kFork, SyncSteps::fork},
    {StepKind::kSetIds, ProcessSteps::set_ids},
    {StepKind::kLoopbackUp, ProcessSteps::loopback_up},
    {StepKind::kSethostname, ProcessSteps::sethostname},
    {StepKind::kSetdomainname, ProcessSteps::setdomainname},
    {StepKind::kSetsid, ProcessSteps::setsid},
    {StepKind::kSessionKeyring, ProcessSteps::session_keyring},
    {StepKind::kWriteProc, FileSteps::write_proc},
    {StepKind::kPropagation, MountSteps::propagation},
    {StepKind::kOpenTree, MountSteps::open_tree},
    {StepKind::kNewMount, MountSteps::new_mount},
    {StepKind::kMountAttr, MountSteps::tree_attr},
    {StepKind::kOpenRoot, MountSteps::open_root},
    {StepKind::kAttachHost, MountSteps::attach_host},
    {StepKind::kAttach, MountSteps::attach},
    {StepKind::kMount2, MountSteps::mount2},
    {StepKind::kPathAttr, MountSteps::path_attr},
    {StepKind::kMask, MountSteps::mask},
    {StepKind::kReadonlyPath, MountSteps::readonly_path},
    {StepKind::kMkdir, FileSteps::make_dir},
    {StepKind::kMknod, FileSteps::make_node},
    {StepKind::kSymlink, FileSteps::symlink},
    {StepKind::kChownPath, FileSteps::chown_path},
    {StepKind::kPivotRoot, MountSteps::pivot_root},
    {StepKind::kMoveRoot, MountSteps::move_root},
    {StepKind::kChroot, MountSteps::chroot},
    {StepKind::kConsole, FileSteps::console},
    {StepKind::kRlimit, ProcessSteps::rlimit},
    {StepKind::kUmask, ProcessSteps::set_umask},
    {StepKind::kScheduler, ProcessSteps::scheduler},
    {StepKind::kIoPriority, ProcessSteps::io_priority},
    {StepKind::kAffinity, ProcessSteps::affinity},
    {StepKind::kPersonality, ProcessSteps::personality},
    {StepKind::kMempolicy, ProcessSteps::mempolicy},
    {StepKind::kDropBounding, ProcessSteps::drop_bounding},
    {StepKind::kKeepCaps, ProcessSteps::keep_caps},
    {StepKind::kSetCaps, ProcessSteps::set_caps},
    {StepKind::kAmbient, ProcessSteps::ambient},
    {StepKind::kNoNewPrivs, ProcessSteps::no_new_privs},
    {StepKind::kSeccomp, ProcessSteps::seccomp},
    {StepKind::kChdir, ProcessSteps::change_dir},
    {StepKind::kCloexecFrom, ProcessSteps::cloexec_from},
    {StepKind::kCloseHost, ProcessSteps::close_host},
    {StepKind::kUndumpable, ProcessSteps::undumpable},
    {StepKind::kDupTo, ProcessSteps::dup_to},
    {StepKind::kFindProgram, ProcessSteps::find_program},
    {StepKind::kGate, SyncSteps::gate},
    {StepKind::kReport, SyncSteps::report},
    {StepKind::kSupervise, SyncSteps::supervise},
    {StepKind::kExec, ProcessSteps::exec},
    {StepKind::kAppArmorExec, ProcessSteps::apparmor_exec},
    {StepKind::kSelinuxExec, ProcessSteps::selinux_exec},
};

constexpr bool in_order() {
  uint32_t expected = 0;
  for (const Row& row : kSteps) {
    if (static_cast<uint32_t>(row.kind) != expected) return false;
    ++expected;
  }
  return expected == static_cast<uint32_t>(StepKind::kCount);
}
static_assert(in_order(), "one row per StepKind, in its order");

bool refused(long result) {
  return result == -EPERM || result == -EACCES || result == -EBUSY || result == -EINVAL || result == -ENODEV;
}

}  // namespace

bool Walker::load(char* plan) {
  plan_ = plan;
  header_ = reinterpret_cast<const PlanHeader*>(plan);
  if (header_->magic != kPlanMagic) return false;
  steps_ = reinterpret_cast<const Step*>(plan + header_->steps);
  slots_ = reinterpret_cast<int32_t*>(plan + header_->slots);
  return true;
}

// A slot that is filled again (an alternative step) gives up what it held.
void Walker::take_slot(int32_t index, long fd) {
  if (slots_[index] >= 0) raw::close(slots_[index]);
  slots_[index] = static_cast<int32_t>(fd);
}

void Walker::drop_slot(int32_t index) {
  raw::close(slots_[index]);
  slots_[index] = -1;
}

long Walker::run(const Step& step) {
  part_ = StepPart::kWhole;
  fs_text_[0] = '\0';
  auto kind = static_cast<uint32_t>(step.kind);
  if (kind >= static_cast<uint32_t>(StepKind::kCount)) return -ENOSYS;
  return kSteps[kind].function(*this, step);
}

bool Walker::passed_over(const Step& step, long result) {
  switch (step.on_error) {
    case OnError::kFail:
      return false;
    case OnError::kIgnore:
      return true;
    case OnError::kSkipIfAbsent:
      return result == -ENOENT || result == -ENOTDIR;
    case OnError::kNextIfRefused:
      return refused(result);  // the next step is the alternative
  }
  return false;
}

void Walker::report(uint32_t index, long err) {
  Message message{};
  message.kind = MessageKind::kFailed;
  message.value = index;
  message.detail = static_cast<uint32_t>(part_) | static_cast<uint32_t>(steps_[index].kind)
                                                      << kDetailKindShift;
  message.err = static_cast<int32_t>(-err);
  copy_bytes(message.text, fs_text_, sizeof message.text);
  if (report_ >= 0) {
    raw::write(report_, &message, sizeof message);
  } else {
    SyncSteps::send(*this, message, -1);
  }
}

int Walker::walk() {
  for (uint32_t i = 0; i < header_->step_count; ++i) {
    const Step& step = steps_[i];
    long result = run(step);
    if (result >= 0) {
      // It worked: its alternative is not needed.
      if (step.on_error == OnError::kNextIfRefused) ++i;
      continue;
    }
    if (passed_over(step, result)) continue;
    report(i, result);
    return 1;
  }
  return 0;
}

}  // namespace shoji
