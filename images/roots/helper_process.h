#pragma once
// Work that needs another namespace, done by a process that shares our memory and descriptors, so that starting it
// copies nothing. Our thread sleeps meanwhile (CLONE_VFORK), so the work may do whatever a function may.
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "images/roots/root.h"

namespace shoji::images {

// What the helper is, apart from us.
struct HelperNature {
  // In a private copy of the mount namespace: what it attaches is seen by nobody and is gone with the helper, even if
  // all of us are killed in the middle.
  bool private_mounts = false;
  // Who makes files (setfsuid(2)), with all capabilities kept; -1: who we are.
  int64_t fsuid = -1, fsgid = -1;
};
// Runs `work` in a helper. Its working directory is its own.
Result<> run_in_helper(const HelperNature& nature, const std::function<Result<>()>& work);

// A user namespace with these maps and no process in it, for id-mapped mounts.
Result<UniqueFd> user_namespace_of(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids);

}  // namespace shoji::images
