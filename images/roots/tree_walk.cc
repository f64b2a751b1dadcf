#include "images/roots/tree_walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/io.h"
#include "images/roots/xattrs.h"
#include "images/store/durable.h"

namespace shoji::images {
namespace {

constexpr int kDepthLimit = 2000;

// A directory on both sides. No descriptors are kept open: trees may be deep.
struct Level {
  std::string path;                 // "" or "/a/b"
  bool in_before = true;            // false: everything in it is new
  std::vector<std::string> uppers;  // the same directory in the uppers that have it; empty: compare all
  int depth = 0;
};

Result<std::optional<struct stat>> look(int root, const std::string& path) {
  auto fd = open_below(root, path, O_PATH | O_NOFOLLOW);
  if (!fd && (fd.error().err == ENOENT || fd.error().err == ENOTDIR)) return std::optional<struct stat>();
  if (!fd) return Failure(std::move(fd).error());
  struct stat st{};
  if (fstat(fd->get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(path)));
  return std::optional(st);
}

Result<std::vector<std::string>> members(int root, const std::string& path) {
  auto fd = open_below(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd && fd.error().err == ENOENT) return std::vector<std::string>();  // gone meanwhile
  if (!fd) return Failure(std::move(fd).error());
  return list_directory(fd->get(), ".");
}

void sort_and_unite(std::vector<std::string>& names) {
  std::ranges::sort(names);
  auto [first, last] = std::ranges::unique(names);
  names.erase(first, last);
}

// overlayfs.rst, "Whiteouts and opaque directories" and "Renaming directories": what is below is hidden, or comes from
// elsewhere.
bool hides_what_is_below(const std::string& upper) {
  for (const char* prefix : {"trusted.overlay.", "user.overlay."})
    if (xattr_of(upper, cat(prefix, "opaque")) == "y" || has_xattr(upper, cat(prefix, "redirect")))
      return true;
  return false;
}

bool is_directory(const std::string& path) {
  struct stat st{};
  return lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

class Walker {
 public:
  explicit Walker(const TreeWalk& walk) : walk_(&walk) {}
  Result<> directory(const Level& level);

 private:
  Result<std::vector<std::string>> candidates(const Level& level) const;
  Result<> entry(const Level& level, const std::string& name);
  Result<> below(const Level& level, const std::string& path, const std::string& name, bool in_before);
  Result<bool> differs(const Level& level, const std::string& path, const struct stat& before,
                       const struct stat& after);
  const TreeWalk* walk_;
};

Result<std::vector<std::string>> Walker::candidates(const Level& level) const {
  std::vector<std::string> names;
  if (!level.uppers.empty()) {
    for (const std::string& upper : level.uppers) {
      TRY_ASSIGN(auto more, list_directory(AT_FDCWD, upper));
      names.insert(names.end(), more.begin(), more.end());
    }
  } else {
    TRY_ASSIGN(names, members(walk_->after, level.path));
    if (level.in_before) {
      TRY_ASSIGN(auto more, members(walk_->before, level.path));
      names.insert(names.end(), more.begin(), more.end());
    }
  }
  sort_and_unite(names);
  return names;
}

Result<bool> Walker::differs(const Level& level, const std::string& path, const struct stat& before,
                             const struct stat& after) {
  if ((before.st_mode & S_IFMT) != (after.st_mode & S_IFMT)) return true;
  if (!level.uppers.empty()) return true;  // an upper has it: it was copied up to be changed
  if (S_ISDIR(after.st_mode))
    return before.st_mode != after.st_mode || before.st_uid != after.st_uid || before.st_gid != after.st_gid;
  TRY_ASSIGN(bool same, walk_->same(path, before, after));
  return !same;
}

Result<> Walker::entry(const Level& level, const std::string& name) {
  std::string path = cat(level.path, "/", name);
  std::optional<struct stat> before;
  if (level.in_before) {
    TRY_ASSIGN(before, look(walk_->before, path));
  }
  TRY_ASSIGN(auto after, look(walk_->after, path));
  if (!after) return before ? walk_->found({ChangeKind::kDeleted, path}) : Result<>();
  bool both_directories = before && S_ISDIR(before->st_mode) && S_ISDIR(after->st_mode);
  if (!before) {
    TRY(walk_->found({ChangeKind::kAdded, path}));
  } else {
    TRY_ASSIGN(bool changed, differs(level, path, *before, *after));
    if (changed) TRY(walk_->found({ChangeKind::kModified, path}));
  }
  return S_ISDIR(after->st_mode) ? below(level, path, name, both_directories) : Result<>();
}

Result<> Walker::below(const Level& level, const std::string& path, const std::string& name, bool in_before) {
  Level next{path, in_before, {}, level.depth + 1};
  if (in_before) {
    for (const std::string& upper : level.uppers)
      if (std::string inner = cat(upper, "/", name); is_directory(inner))
        next.uppers.push_back(std::move(inner));
    if (std::ranges::any_of(next.uppers, hides_what_is_below)) next.uppers.clear();
  }
  return directory(next);
}

Result<> Walker::directory(const Level& level) {
  if (level.depth > kDepthLimit)
    return fail(Kind::kUnsupported,
                cat("compare ", quote(level.path), ": more than ", kDepthLimit, " directories deep"));
  TRY_ASSIGN(std::vector<std::string> names, candidates(level));
  for (const std::string& name : names) TRY(entry(level, name));
  return {};
}

}  // namespace

Result<> TreeWalk::run() const {
  Walker walker(*this);
  return walker.directory({"", true, uppers, 0});
}

bool same_attributes(const struct stat& before, const struct stat& after) {
  return before.st_mode == after.st_mode && before.st_uid == after.st_uid && before.st_gid == after.st_gid &&
         before.st_size == after.st_size && before.st_rdev == after.st_rdev &&
         before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

Result<UniqueFd> open_below(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
  if (!fd) return fail_errno(errno, cat("open ", quote(path)));
  return fd;
}

}  // namespace shoji::images
