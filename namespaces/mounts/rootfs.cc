#include "namespaces/mounts/rootfs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/path.h"
#include "spec/mount_options.h"

namespace shoji {
namespace {

void plan_propagation(std::string_view path, uint64_t flags, StepList& list) {
  Step& step = list.add(StepKind::kPropagation);
  step.flags = static_cast<uint32_t>(flags);
  list.s0(step, path);
}

// The mount that `path` lies on: the nearest directory upwards that is the root of a mount (statx(2)
// STATX_ATTR_MOUNT_ROOT). Kernels that cannot tell give "/", whose mount is then made private as well.
Result<std::string> mount_point_of(const std::string& path) {
  std::string at = clean_path(path);
  while (at != "/") {
    struct statx st{};
    if (statx(AT_FDCWD, at.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
      return fail_errno(errno, cat("inspect ", quote(at)));
    if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return at;
    size_t slash = at.rfind('/');
    at.resize(slash == 0 ? 1 : slash);
  }
  return at;
}

// No mount of the container may travel to the host, whatever the propagation is that its own root gets in the
// end.
constexpr uint64_t kDefaultPropagation = MS_SLAVE | MS_REC;

// What the host's tree becomes in the new mount namespace while the root is built. "unbindable" comes at the
// end: an unbindable tree could not be cloned.
uint64_t initial_propagation(uint64_t wanted) {
  if (wanted == 0) return kDefaultPropagation;
  if ((wanted & MS_UNBINDABLE) != 0) return (wanted & ~static_cast<uint64_t>(MS_UNBINDABLE)) | MS_PRIVATE;
  return wanted;
}

// All mounts are slaves or private now, so that nothing below can be shared with the host.
bool isolates(uint64_t propagation) {
  return (propagation & MS_REC) != 0 && (propagation & (MS_SLAVE | MS_PRIVATE)) != 0;
}

void plan_attach_root(int32_t slot, const MountFacts& facts, StepList& list) {
  Step& attach = list.add(StepKind::kAttachHost);
  attach.a = slot;
  list.s0(attach, facts.rootfs);
  list.s1(attach, facts.rootfs);
  if (facts.user_namespace) {
    // The container's root may not search the way to the bundle; pivot_root(2) is content with any mount
    // point.
    attach.on_error = OnError::kNextIfRefused;
    Step& over_root = list.add(StepKind::kAttachHost);
    over_root.a = slot;
    list.s0(over_root, "/");
    list.s1(over_root, facts.rootfs);
  }
}

}  // namespace

Result<> plan_root(const Spec& spec, const MountFacts& facts, StepList& list, MountPlan& plan) {
  const uint64_t wanted = propagation_flags(spec.linux.rootfs_propagation);
  if (!facts.new_mount_namespace) {
    if (wanted != 0) return fail(Kind::kInvalid, "linux.rootfsPropagation needs a new mount namespace");
    const int32_t slot = list.slot();
    Step& open =
        list.add(StepKind::kOpenTree);  // without OPEN_TREE_CLONE: just a descriptor of the directory
    open.a = slot;
    list.s0(open, facts.rootfs);
    list.add(StepKind::kOpenRoot).a = slot;
    return {};
  }

  const uint64_t initial = initial_propagation(wanted);
  plan_propagation("/", initial, list);
  TreeSource tree{.path = facts.rootfs, .destination = "/", .recursive = true};
  if (!isolates(initial)) {
    // move_mount(2) onto a shared mount would show the root to the host, and pivot_root(2) refuses it.
    TRY_ASSIGN(std::string mount_point, mount_point_of(facts.rootfs));
    plan_propagation(mount_point, MS_PRIVATE, list);
    tree.changes.push_back({.propagation = MS_SLAVE, .recursive = true});
  }
  const int32_t slot = plan_tree(tree, facts, list, plan);
  plan_attach_root(slot, facts, list);
  list.add(StepKind::kOpenRoot).a = slot;
  return {};
}

Result<> plan_read_only_root(const Spec& spec, const MountFacts& facts, StepList& list) {
  if (!spec.root.readonly) return {};
  if (!facts.new_mount_namespace) return fail(Kind::kInvalid, "root.readonly needs a new mount namespace");
  Step& step = list.add(StepKind::kPathAttr);  // the root's mount alone, not what is mounted below it
  step.u0 = MOUNT_ATTR_RDONLY;
  list.s0(step, "/");
  return {};
}

void plan_enter_root(const Spec& spec, const MountFacts& facts, bool no_pivot, StepList& list) {
  if (!facts.new_mount_namespace) {
    list.add(StepKind::kChroot);
    return;
  }
  list.add(no_pivot ? StepKind::kMoveRoot : StepKind::kPivotRoot);
  const uint64_t wanted = propagation_flags(spec.linux.rootfs_propagation);
  if (wanted != 0 && (wanted & MS_PRIVATE) == 0) plan_propagation("/", wanted, list);
}

}  // namespace shoji
