#include "namespaces/mounts/parent_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "namespaces/mounts/copy_up.h"
#include "namespaces/user_namespace.h"

namespace shoji {
namespace {

std::string words(const ParentMount& mount) {
  return cat("mount ", quote(mount.source), " on ", quote(mount.destination));
}

Result<> change_tree(int tree, const ParentMount& mount, bool recursive, mount_attr attr,
                     std::string_view what) {
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr) != 0)
    return fail_errno(errno, cat(words(mount), ": ", what));
  return {};
}

Result<> apply_changes(int tree, const ParentMount& mount) {
  for (const MountChange& change : mount.changes) {
    if ((change.set | change.clear | change.propagation) == 0) continue;
    mount_attr attr{};
    attr.attr_set = change.set;
    attr.attr_clr = change.clear;
    attr.propagation = change.propagation;
    TRY(change_tree(tree, mount, change.recursive, attr, "mount attributes"));
  }
  return {};
}

Result<> apply_idmap(int tree, const ParentMount& mount, UserNamespaceCache& namespaces) {
  if (!mount.idmap) return {};
  TRY_ASSIGN(int user_namespace, namespaces.get(*mount.idmap));
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<uint64_t>(user_namespace);
  return change_tree(tree, mount, mount.recursive_idmap, attr, "idmap");
}

Result<UniqueFd> open_clone(const ParentMount& mount) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount.recursive ? AT_RECURSIVE : 0u) |
                         (mount.no_follow ? AT_SYMLINK_NOFOLLOW : 0u);
  UniqueFd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, mount.source.c_str(), flags)));
  if (!tree) return fail_errno(errno, words(mount));
  return tree;
}

}  // namespace

Result<std::vector<UniqueFd>> make_parent_mounts(const std::vector<ParentMount>& mounts, StepList& list) {
  std::vector<UniqueFd> held;
  UserNamespaceCache namespaces;
  for (const ParentMount& mount : mounts) {
    UniqueFd tree;
    if (mount.kind == ParentMount::Kind::kCopyUp) {
      TRY_ASSIGN(tree, make_copied_tmpfs(mount));
    } else {
      TRY_ASSIGN(tree, open_clone(mount));
    }
    TRY(apply_idmap(tree.get(), mount, namespaces));
    TRY(apply_changes(tree.get(), mount));
    list.set_slot(mount.slot, tree.get());
    held.push_back(std::move(tree));
  }
  return held;
}

}  // namespace shoji
