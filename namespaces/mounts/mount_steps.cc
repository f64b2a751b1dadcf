#include "namespaces/mounts/mount_steps.h"

#include <fcntl.h>
#include <linux/mount.h>

#include <sys/mount.h>

namespace shoji {

std::vector<MountChange> mount_changes(const ParsedMountOptions& options, bool attributes) {
  std::vector<MountChange> out;
  out.reserve(2 + options.propagation.size());
  if (attributes && (options.attr_set | options.attr_clear) != 0)
    out.push_back({.set = options.attr_set, .clear = options.attr_clear});
  if (attributes && (options.rec_attr_set | options.rec_attr_clear) != 0)
    out.push_back({.set = options.rec_attr_set, .clear = options.rec_attr_clear, .recursive = true});
  for (uint64_t flags : options.propagation) {
    const bool recursive = (flags & MS_REC) != 0;
    const uint64_t type = flags & ~static_cast<uint64_t>(MS_REC);
    // One call does both, when it covers the same mounts.
    if (!out.empty() && out.back().recursive == recursive && out.back().propagation == 0) {
      out.back().propagation = type;
    } else {
      out.push_back({.propagation = type, .recursive = recursive});
    }
  }
  return out;
}

void plan_path_change(const std::string& path, const MountChange& change, StepList& list) {
  Step& step = list.add(StepKind::kPathAttr);
  step.flags = change.recursive ? AT_RECURSIVE : 0;
  step.u0 = change.set;
  step.u1 = change.clear;
  step.u2 = change.propagation;
  list.s0(step, path);
}

void plan_changes(int32_t slot, const std::vector<MountChange>& changes, StepList& list) {
  for (const MountChange& change : changes) {
    if ((change.set | change.clear | change.propagation) == 0) continue;
    Step& step = list.add(StepKind::kMountAttr);
    step.a = slot;
    step.flags = change.recursive ? AT_RECURSIVE : 0;
    step.u0 = change.set;
    step.u1 = change.clear;
    step.u2 = change.propagation;
  }
}

int32_t plan_tree(const TreeSource& source, const MountFacts& facts, StepList& list, MountPlan& plan) {
  const int32_t slot = list.slot();
  // The container's root may not search the directories on the way (a bundle below /root), cannot take a part
  // of a tree whose mounts are locked, and may not idmap what it does not own (mount_setattr(2)): the parent
  // can.
  if (!facts.user_namespace && !source.idmap) {
    Step& open = list.add(StepKind::kOpenTree);
    open.a = slot;
    open.flags = OPEN_TREE_CLONE | (source.recursive ? AT_RECURSIVE : 0) |
                 (source.no_follow ? AT_SYMLINK_NOFOLLOW : 0);
    list.s0(open, source.path);
    plan_changes(slot, source.changes, list);
    return slot;
  }
  ParentMount tree;
  tree.slot = slot;
  tree.source = source.path;
  tree.destination = source.destination;
  tree.recursive = source.recursive;
  tree.no_follow = source.no_follow;
  tree.idmap = source.idmap;
  tree.recursive_idmap = source.recursive_idmap;
  // The parent's namespace may share its mounts: a peer inside the container would carry mounts out to the
  // host.
  tree.changes.push_back({.propagation = MS_SLAVE, .recursive = true});
  tree.changes.insert(tree.changes.end(), source.changes.begin(), source.changes.end());
  plan.parent.push_back(std::move(tree));
  return slot;
}

void plan_attach(int32_t slot, const AttachTarget& target, StepList& list) {
  Step& step = list.add(StepKind::kAttach);
  step.a = slot;
  step.flags = (target.file ? kAttachFile : 0) | (target.no_follow ? kAttachNoFollow : 0) |
               (target.over_proc ? kAttachOverProc : 0);
  list.s0(step, target.destination);
  if (!target.source.empty()) list.s1(step, target.source);
}

}  // namespace shoji
