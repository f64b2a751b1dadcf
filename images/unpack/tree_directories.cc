#include "images/unpack/tree_directories.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"

namespace shoji::images {

namespace {

constexpr std::string_view kDefaultAcl = "system.posix_acl_default";
constexpr mode_t kImplicitMode = 0755;  // of a directory that no member describes
// What is kept in memory until the end: beyond what any image has, below what hurts.
constexpr uint64_t kPathBytesLimit = 64 << 20, kDeferredLimit = 16 << 20;

// A directory below `root`, by no symlink and no mount's magic link whatever the tree has in the way.
UniqueFd open_below(int root, const char* path) {
  open_how how{
      .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how)));
}

std::string parent_path(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

Result<> remove_xattrs(int fd, const TreePlace& place) {
  std::string names(64 << 10, '\0');  // XATTR_LIST_MAX
  ssize_t size = flistxattr(fd, names.data(), names.size());
  if (size < 0) return place.bad(errno, "list xattrs");
  for (const char* name = names.c_str(); name < names.c_str() + size;
       name += std::string_view(name).size() + 1) {
    if (is_layer_xattr(name) && fremovexattr(fd, name) != 0)
      return place.bad(errno, cat("remove xattr ", quote(name)));
  }
  return {};
}

}  // namespace

Failure TreePlace::bad(int err, std::string_view what) const {
  return fail_errno(err, cat("unpack ", quote(*path), ": ", what));
}

Failure TreePlace::refuse(std::string_view why) const {
  return fail(Kind::kInvalid, cat("member ", quote(*path), ": ", why));
}

bool is_whiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

Result<TreeIdentity> TreeIdentity::current() {
  // umask(2) can only be read by changing it, which other threads would see.
  TRY_ASSIGN(std::string status, read_file("/proc/self/status"));
  constexpr std::string_view kKey = "\nUmask:\t";
  size_t at = status.find(kKey);
  if (at == std::string::npos)
    return fail(Kind::kUnsupported, "read \"/proc/self/status\": it has no line \"Umask\"");
  auto mask = static_cast<mode_t>(strtoul(status.c_str() + at + kKey.size(), nullptr, 8));
  return TreeIdentity{.uid = geteuid(), .gid = getegid(), .umask = mask};
}

Result<int> TreeDirectories::open_directory(const std::string& path, bool make_missing) {
  if (path.empty()) return root_.get();
  auto found = std::ranges::find_if(open_, [&](const Open& open) { return open.fd && open.path == path; });
  if (found == open_.end()) {
    UniqueFd fd = open_below(root_.get(), path.c_str());
    if (!fd && make_missing && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
      TRY(make_parents(path));
      fd = open_below(root_.get(), path.c_str());
    }
    if (!fd) return fail_errno(errno, cat("open directory ", quote(path), " of the tree"));
    found = std::ranges::min_element(open_, {}, &Open::used);
    found->path = path;
    found->fd = std::move(fd);
  }
  found->used = ++clock_;
  return found->fd.get();
}

// Every directory on the way to `path` and itself. What is there and no directory was put there by an earlier member.
Result<> TreeDirectories::make_parents(const std::string& path) {
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    std::string directory = path.substr(0, end);
    TRY_ASSIGN(TreePlace at, find(directory));
    struct stat st{};
    bool there = fstatat(at.dir, at.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(st.st_mode) && !is_whiteout(st))
      return fail(Kind::kInvalid, cat("member below ", quote(directory), ": that is no directory but a ",
                                      S_ISLNK(st.st_mode) ? "symlink" : "file"));
    if (!there || !S_ISDIR(st.st_mode)) TRY(ensure(at, kImplicitMode));
    if (end == std::string::npos) return {};
  }
}

Result<TreePlace> TreeDirectories::place(const std::string& path) {
  TRY_ASSIGN(int dir, open_directory(parent_path(path), true));
  return TreePlace{dir, path.substr(path.rfind('/') + 1), &path};
}

Result<TreePlace> TreeDirectories::find(const std::string& path) {
  TRY_ASSIGN(int dir, open_directory(parent_path(path), false));
  return TreePlace{dir, path.substr(path.rfind('/') + 1), &path};
}

// The directory at `place`, made when it is not there, in the place of anything else.
Result<TreeDirectories::Directory*> TreeDirectories::ensure(const TreePlace& place, mode_t mode) {
  // What is below has to be made yet; but root needs no permission for that, and then the mode is often right at once.
  mode = (identity_.uid == 0 ? mode : mode | 0700) & 0777 & ~identity_.umask;
  bool opaque = false, made = mkdirat(place.dir, place.name.c_str(), mode) == 0;
  if (!made) {
    struct stat st{};
    if (errno != EEXIST) return place.bad(errno, "create directory");
    if (fstatat(place.dir, place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
      return place.bad(errno, "inspect");
    if (!S_ISDIR(st.st_mode)) {
      // The layer removes what is below and has a directory of its own there.
      opaque = is_whiteout(st);
      TRY(clear(place));
      if (mkdirat(place.dir, place.name.c_str(), mode) != 0) return place.bad(errno, "create directory");
      made = true;
    }
  }
  auto [entry, is_new] = directories_.try_emplace(*place.path);
  if (is_new) path_bytes_ += place.path->size();
  // A member of 256 directories makes them all: they count as members.
  if (directories_.size() > limits_.entries)
    return place.refuse(cat("the layer has more than ", limits_.entries, " directories (limits.entries)"));
  if (path_bytes_ > kPathBytesLimit)
    return place.refuse(cat("the paths of the directories have more than ", kPathBytesLimit, " bytes"));
  if (made) entry->second = Directory{.made = mode, .opaque = opaque, .default_acl = {}};
  return &entry->second;
}

Result<> TreeDirectories::make(const std::string& path, const TarEntry& entry) {
  TreePlace at{root_.get(), ".", &path};
  if (!path.empty()) {
    TRY_ASSIGN(at, place(path));
  }
  Directory* directory = &directories_[""];
  if (!path.empty()) {
    TRY_ASSIGN(directory, ensure(at, entry.mode));
  }
  directory->uid = entry.uid;
  directory->gid = entry.gid;
  directory->mode = entry.mode;
  directory->mtime = entry.mtime;
  directory->mtime_ns = entry.mtime_ns;
  if (entry.xattrs.empty() && !directory->has_xattrs) return {};
  return set_xattrs(at, *directory, entry);
}

// At once, so that they need no memory; but not the default ACL, which files made in the directory would inherit.
Result<> TreeDirectories::set_xattrs(const TreePlace& place, Directory& directory, const TarEntry& entry) {
  UniqueFd fd(openat(place.dir, place.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return place.bad(errno, "open");
  if (directory.has_xattrs) TRY(remove_xattrs(fd.get(), place));
  deferred_bytes_ -= directory.default_acl.size();
  directory.default_acl.clear();
  directory.has_xattrs = true;
  for (const auto& [name, value] : entry.xattrs) {
    if (!is_layer_xattr(name)) continue;
    if (name == kDefaultAcl) {
      directory.default_acl = value;
      deferred_bytes_ += value.size();
      if (deferred_bytes_ > kDeferredLimit)
        return place.refuse(
            cat("the default ACLs of the directories have more than ", kDeferredLimit, " bytes"));
    } else if (fsetxattr(fd.get(), name.c_str(), value.data(), value.size(), 0) != 0) {
      return place.bad(errno, cat("set xattr ", quote(name)));
    }
  }
  return {};
}

Result<> TreeDirectories::make_opaque(const std::string& path) {
  if (path.empty()) {
    directories_[""].opaque = true;
    return {};
  }
  TRY_ASSIGN(TreePlace at, place(path));
  TRY_ASSIGN(Directory * directory, ensure(at, kImplicitMode));
  directory->opaque = true;
  return {};
}

void TreeDirectories::forget(const std::string& path) {
  std::string below = path + '/';
  for (Open& open : open_)
    if (open.path == path || open.path.starts_with(below)) open = Open{};
  auto drop = [&](auto first, auto last) {
    for (auto it = first; it != last; ++it) path_bytes_ -= it->first.size();
    directories_.erase(first, last);
  };
  if (auto self = directories_.find(path); self != directories_.end()) drop(self, std::next(self));
  // '0' is the character behind '/'.
  drop(directories_.lower_bound(below), directories_.lower_bound(path + '0'));
}

Result<> TreeDirectories::clear(const TreePlace& place) {
  if (unlinkat(place.dir, place.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return place.bad(errno, "remove the earlier member");
  forget(*place.path);
  return remove_tree(cat("/proc/self/fd/", place.dir, "/", place.name));
}

Result<> TreeDirectories::finish_one(const TreePlace& place, const Directory& directory) const {
  const char* name = place.name.c_str();
  if ((directory.uid != identity_.uid || directory.gid != identity_.gid) &&
      fchownat(place.dir, name, directory.uid, directory.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return place.bad(errno, cat("change owner to ", directory.uid, ":", directory.gid));
  if (directory.made != directory.mode || directory.opaque || !directory.default_acl.empty()) {
    UniqueFd fd(openat(place.dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return place.bad(errno, "open");
    // Either may be read, by mounts with and without userxattr; only root may write the first.
    if (directory.opaque && fsetxattr(fd.get(), "trusted.overlay.opaque", "y", 1, 0) != 0 &&
        (errno != EPERM || identity_.uid == 0))
      return place.bad(errno, "set xattr \"trusted.overlay.opaque\"");
    if (directory.opaque && fsetxattr(fd.get(), "user.overlay.opaque", "y", 1, 0) != 0)
      return place.bad(errno, "set xattr \"user.overlay.opaque\"");
    const std::string& acl = directory.default_acl;
    if (!acl.empty() && fsetxattr(fd.get(), std::string(kDefaultAcl).c_str(), acl.data(), acl.size(), 0) != 0)
      return place.bad(errno, cat("set xattr ", quote(kDefaultAcl)));
    if (fchmod(fd.get(), directory.mode) != 0) return place.bad(errno, "change mode");
  }
  timespec mtime{.tv_sec = directory.mtime, .tv_nsec = directory.mtime_ns}, times[2] = {mtime, mtime};
  if (utimensat(place.dir, name, times, AT_SYMLINK_NOFOLLOW) != 0) return place.bad(errno, "set times");
  return {};
}

Result<> TreeDirectories::finish() {
  directories_.try_emplace("");
  // Backwards: what is in a directory before it, as its mode may shut out everybody but root.
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
    TreePlace at{root_.get(), ".", &it->first};
    if (!it->first.empty()) {
      TRY_ASSIGN(at, find(it->first));
    }
    TRY(finish_one(at, it->second));
  }
  return {};
}

}  // namespace shoji::images
