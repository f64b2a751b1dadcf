#include "namespaces/mounts/masked.h"

#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

namespace shoji {
namespace {

constexpr const char* kNullDevice = "/dev/null";

// What covers masked files must be the null device: anything else would leave the file writable or readable
// through the mask (CVE-2025-31133). The walker checks the descriptor again.
Result<> check_null_device() {
  struct stat st{};
  if (stat(kNullDevice, &st) != 0) return fail_errno(errno, cat("inspect ", quote(kNullDevice)));
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
    return fail(Kind::kUnsupported,
                cat("the host's ", quote(kNullDevice), " is not the null device (null(4))"));
  return {};
}

// The host's node as the child's own mount namespace has it: only that can be cloned there.
int32_t plan_null_device(StepList& list) {
  const int32_t slot = list.slot();
  Step& open = list.add(StepKind::kOpenTree);
  open.a = slot;
  list.s0(open, kNullDevice);
  return slot;
}

// One empty read-only tmpfs serves all masked directories.
int32_t plan_empty_directory(const Spec& spec, const MountFacts& facts, StepList& list) {
  const int32_t slot = list.slot();
  Step& make = list.add(StepKind::kNewMount);
  make.a = slot;
  make.u0 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  list.s0(make, "tmpfs");
  list.s1(make, "tmpfs");
  std::vector<std::string> data = {"ro", "", "nr_blocks", "1", "nr_inodes", "1"};
  if (facts.selinux && !spec.linux.mount_label.empty()) {
    data.emplace_back("context");
    data.push_back(spec.linux.mount_label);
  }
  list.v0(make, data);
  return slot;
}

}  // namespace

Result<> plan_hidden_paths(const Spec& spec, const MountFacts& facts, StepList& list) {
  const auto& masked = spec.linux.masked_paths;
  const auto& read_only = spec.linux.readonly_paths;
  if (masked.empty() && read_only.empty()) return {};
  if (!facts.new_mount_namespace)
    return fail(Kind::kInvalid, "linux.maskedPaths and linux.readonlyPaths need a new mount namespace");
  for (const std::string& path : read_only) list.s0(list.add(StepKind::kReadonlyPath), path);
  if (masked.empty()) return {};
  TRY(check_null_device());
  const int32_t null_slot = plan_null_device(list);
  const int32_t empty_slot = plan_empty_directory(spec, facts, list);
  for (const std::string& path : masked) {
    Step& step = list.add(StepKind::kMask);
    step.a = null_slot;
    step.b = empty_slot;
    list.s0(step, path);
  }
  return {};
}

}  // namespace shoji
