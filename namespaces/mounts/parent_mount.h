#pragma once
// Mounts that the parent makes, detached, and hands to the child in a slot: trees for a container in another
// user namespace (its root may not reach the source, and may not idmap), and tmpfs with content (tmpcopyup).
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/step_list.h"
#include "namespaces/id_map.h"

namespace shoji {

// One mount_setattr(2).
struct MountChange {
  uint64_t set = 0, clear = 0;
  uint64_t propagation = 0;  // MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE
  bool recursive = false;
};

struct ParentMount {
  enum class Kind : uint8_t { kTree, kCopyUp };
  Kind kind = Kind::kTree;
  int32_t slot = kNoSlot;
  std::string source;  // kTree: host path; kCopyUp: the directory of the image, to be resolved below `root`
  std::string destination;  // for messages
  bool recursive = false;   // kTree: with the mounts below
  bool no_follow = false;   // kTree: a symlink is itself the source
  std::optional<IdMaps> idmap;
  bool recursive_idmap = false;
  std::string root;                                       // kCopyUp: the container's root on the host
  uint64_t attributes = 0;                                // kCopyUp: MOUNT_ATTR_* of the new tmpfs
  std::vector<std::pair<std::string, std::string>> data;  // kCopyUp: its options
  std::vector<MountChange> changes;                       // in order
};

// Makes them all and puts their descriptors into the slots of `list`. The result keeps them open; the child
// must inherit them under their numbers.
Result<std::vector<UniqueFd>> make_parent_mounts(const std::vector<ParentMount>& mounts, StepList& list);

}  // namespace shoji
