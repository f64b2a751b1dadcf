#include "images/roots/upper.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "images/quota/quota.h"
#include "images/store/durable.h"
#include "images/store/scratch.h"

namespace shoji::images {
namespace {

bool exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<> make_directory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return fail_errno(errno, cat("create directory ", quote(path)));
}

// Away from where it is in one step; what takes time comes afterwards, and a sweep finishes it if we do not.
Result<> discard(const Store& store, const std::string& path) {
  if (!exists(path)) return {};
  TRY_ASSIGN(Scratch scratch, Scratch::make_directory(store, "gone"));
  if (rename(path.c_str(), cat(scratch.path(), "/tree").c_str()) == 0)
    return remove_tree(cat(scratch.path(), "/tree"));
  if (errno == ENOENT) return {};
  if (errno != EXDEV) return fail_errno(errno, cat("remove ", quote(path)));
  return remove_tree(path);  // on a disk of its own
}

std::string frozen_directory(const Store& store, const std::string& root, const std::string& id) {
  std::string tree = cat(store.path(), "/", frozen_path(root, id));
  return tree.substr(0, tree.rfind('/'));
}

// Frozen uppers whose rename(2) did not happen are still uppers.
void undo_unfinished_freeze(const Store& store, RootFacts& facts) {
  for (const std::string& id : facts.pending)
    if (!exists(cat(store.path(), "/", frozen_path(facts.root.name, id)))) std::erase(facts.root.frozen, id);
}

}  // namespace

Result<> make_upper(const RootDir& dir) {
  TRY(make_directory(dir.disk(), 0700));
  TRY(make_directory(dir.disk("upper"), 0755));
  return make_directory(dir.disk("work"), 0700);
}

Result<> replace_upper(const Store& store, const RootDir& dir) {
  // The work directory first: as long as it is there the root counts as one that was mounted.
  TRY(discard(store, dir.disk("upper")));
  TRY(discard(store, dir.disk("work")));
  return make_upper(dir);
}

Result<RootFacts> settle(const Store& store, const RootDir& dir) {
  TRY_ASSIGN(RootFacts facts, dir.load());
  if (facts.removing)
    return fail(Kind::kState,
                cat("the removal of root ", quote(dir.name()), " was interrupted; remove it again"));
  if (facts.pending.empty() && !facts.reset_upper) return facts;
  if (is_limited(facts.root.options)) TRY(activate_limited_directory(dir.disk()));
  undo_unfinished_freeze(store, facts);
  if (facts.reset_upper) TRY(replace_upper(store, dir));
  // Frozen, but not yet replaced.
  if (!facts.root.options.read_only && !exists(dir.disk("upper"))) TRY(replace_upper(store, dir));
  std::vector<std::string> used = used_frozen(facts.root);
  for (const std::string& id : facts.pending)
    if (!std::ranges::binary_search(used, id)) TRY(drop_user(store, dir.name(), id));
  facts.pending.clear();
  facts.reset_upper = false;
  TRY(dir.save(facts, true));
  return facts;
}

Result<std::string> new_frozen_id(bool limited) {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) return fail_errno(errno, "get a random number");
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id = limited ? "own-" : "";
  for (int i = 0; i < 16; ++i, number >>= 4) id += kDigits[number & 15];
  return id;
}

Result<> make_frozen(const Store& store, const std::string& root, const std::string& id) {
  std::string directory = frozen_directory(store, root, id);
  TRY(make_directories(directory, 0700));
  if (is_private_frozen(id)) return {};
  TRY(make_directory(cat(directory, "/roots"), 0700));
  return add_user(store, root, id);
}

Result<> freeze_upper(const Store& store, const RootDir& dir, const std::string& id) {
  std::string tree = cat(store.path(), "/", frozen_path(dir.name(), id));
  if (rename(dir.disk("upper").c_str(), tree.c_str()) != 0)
    return fail_errno(errno, cat("freeze the upper directory of root ", quote(dir.name())));
  TRY(discard(store, dir.disk("work")));
  return make_upper(dir);
}

Result<> add_user(const Store& store, const std::string& root, const std::string& id) {
  if (is_private_frozen(id)) return {};
  std::string path = cat("frozen/", id, "/roots/", root);
  TRY(open_at(store.dir(), path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  return {};
}

Result<> drop_user(const Store& store, const std::string& root, const std::string& id) {
  std::string directory = frozen_directory(store, root, id);
  if (is_private_frozen(id)) return discard(store, directory);
  if (unlink(cat(directory, "/roots/", root).c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("leave frozen upper ", quote(id)));
  // Who adds a user is one itself and cannot leave meanwhile, for it is locked: an empty list stays empty.
  if (rmdir(cat(directory, "/roots").c_str()) != 0 && errno != ENOENT) {
    if (errno == ENOTEMPTY || errno == EEXIST) return {};
    return fail_errno(errno, cat("remove frozen upper ", quote(id)));
  }
  return discard(store, directory);
}

Result<> drop_user_everywhere(const Store& store, const std::string& root) {
  TRY_ASSIGN(auto ids, list_directory(store.dir(), "frozen"));
  for (const std::string& id : ids) {
    if (exists(cat(store.path(), "/frozen/", id, "/roots/", root)) ||
        !exists(cat(store.path(), "/frozen/", id, "/roots")))
      TRY(drop_user(store, root, id));
  }
  return {};
}

}  // namespace shoji::images
