#pragma once
// Pieces that every plan with mounts is made of: clones of host trees, changes of attributes, attaching.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/step_list.h"
#include "namespaces/mounts/mount_facts.h"
#include "namespaces/mounts/parent_mount.h"
#include "spec/mount_options.h"

namespace shoji {

// What the plans leave for others besides their steps.
struct MountPlan {
  std::vector<ParentMount> parent;     // what the parent has to make before the child starts
  std::vector<std::string> read_only;  // destinations that become read-only once their content is made
};

// A clone of a host tree, opened by the child, or by the parent where the child could not.
struct TreeSource {
  std::string path{};
  std::string destination{};
  bool recursive = false;
  bool no_follow = false;
  std::optional<IdMaps> idmap{};
  bool recursive_idmap = false;
  std::vector<MountChange> changes{};
};
// The slot that will hold the clone.
int32_t plan_tree(const TreeSource& source, const MountFacts& facts, StepList& list, MountPlan& plan);

// The mount_setattr(2) calls that options amount to: attributes, recursive attributes, propagation.
std::vector<MountChange> mount_changes(const ParsedMountOptions& options, bool attributes);
// The same on what is mounted at a path by then.
void plan_path_change(const std::string& path, const MountChange& change, StepList& list);
void plan_changes(int32_t slot, const std::vector<MountChange>& changes, StepList& list);

// Attaches the slot's mount at `destination`. `source` is what messages show when no step of the child made
// the mount.
struct AttachTarget {
  std::string destination{};
  bool file = false;
  bool no_follow = false;
  bool over_proc = false;
  std::string source{};
};
void plan_attach(int32_t slot, const AttachTarget& target, StepList& list);

}  // namespace shoji
