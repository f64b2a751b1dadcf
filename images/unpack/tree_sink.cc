// A layer as a directory tree. A member's parent is opened by openat2(2) below the tree and without symlinks, and the
// member itself is made there by its name alone, so no member can reach anything outside (CVE-2018-15664 and its kind).
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/unpack/tree_directories.h"

namespace shoji::images {

namespace {

class TreeSink final : public LayerSink {
 public:
  TreeSink(UniqueFd root, const UnpackLimits& limits, const TreeIdentity& identity)
      : limits_(limits), identity_(identity), directories_(std::move(root), limits, identity) {}

  Result<> add(const TarEntry& entry, TarReader& data) override;
  Result<> finish() override { return directories_.finish(); }

 private:
  Result<> add_whiteout(const std::string& path, Whiteout kind);
  Result<> add_file(const TreePlace& place, const TarEntry& entry, TarReader& data);
  Result<> add_hard_link(const TreePlace& place, const TarEntry& entry);
  Result<> add_special(const TreePlace& place, const TarEntry& entry);
  [[nodiscard]] mode_t made_mode(const TarEntry& entry) const { return entry.mode & 0777 & ~identity_.umask; }

  // make(): -1 and errno, as a system call. What an earlier member left at the place makes room.
  template <typename Make>
  Result<int> make_new(const TreePlace& place, std::string_view what, Make make) {
    int got = make();
    if (got < 0 && errno == EEXIST) {
      TRY(directories_.clear(place));
      got = make();
    }
    if (got < 0) return place.bad(errno, what);
    return got;
  }

  UnpackLimits limits_;
  TreeIdentity identity_;
  TreeDirectories directories_;
};

Result<> write_bytes(const TreePlace& place, int fd, std::span<const char> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return place.bad(errno, "write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

// Bytes of the archive to where they belong in the file.
Result<> write_extent(const TreePlace& place, int fd, Extent extent, TarReader& data) {
  while (extent.size > 0) {
    TRY_ASSIGN(std::span<const char> piece, data.peek());
    if (piece.empty()) return place.refuse("its contents end too early");
    piece = piece.first(std::min<uint64_t>(piece.size(), extent.size));
    TRY(write_bytes(place, fd, piece, extent.offset));
    data.consume(piece.size());
    extent.offset += piece.size();
    extent.size -= piece.size();
  }
  return {};
}

bool has_hidden_parent(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  std::string_view parents = path.substr(0, slash);
  return parents.starts_with(".wh.") || parents.find("/.wh.") != std::string_view::npos;
}

}  // namespace

Result<> TreeSink::add(const TarEntry& entry, TarReader& data) {
  TRY_ASSIGN(std::string path, member_path(entry.path, limits_));
  // A directory of such a name would become a whiteout as soon as somebody packs the tree again.
  if (has_hidden_parent(path))
    return fail(Kind::kInvalid, cat("member ", quote(path), ": a directory above it has a whiteout's name"));
  if (Whiteout kind = whiteout_kind(path); kind != Whiteout::kNone) return add_whiteout(path, kind);
  if (entry.type == EntryType::kDirectory) return directories_.make(path, entry);
  if (path.empty())
    return fail(Kind::kInvalid, cat("member ", quote(entry.path), ": the root is a directory"));
  TRY_ASSIGN(TreePlace place, directories_.place(path));
  if (entry.type == EntryType::kFile) return add_file(place, entry, data);
  if (entry.type == EntryType::kHardLink) return add_hard_link(place, entry);
  return add_special(place, entry);
}

// Whiteouts are for the layers below only (OCI layer.md): what this layer has of the same name stays.
Result<> TreeSink::add_whiteout(const std::string& path, Whiteout kind) {
  size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  if (kind == Whiteout::kReserved)
    return fail(Kind::kInvalid, cat("member ", quote(path), ": the name is reserved among whiteouts"));
  if (kind == Whiteout::kOpaque) {
    TRY(directories_.place(path));  // refuses what is below a symlink or a file, as for any member
    return directories_.make_opaque(path.substr(0, name == 0 ? 0 : name - 1));
  }
  std::string hidden = path;
  hidden.erase(name, std::string_view(".wh.").size());
  TRY_ASSIGN(TreePlace place, directories_.place(hidden));
  if (mknodat(place.dir, place.name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  if (errno != EEXIST) return place.bad(errno, "create whiteout");
  struct stat st{};
  if (fstatat(place.dir, place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return place.bad(errno, "inspect");
  return S_ISDIR(st.st_mode) ? directories_.make_opaque(hidden) : Result<>();
}

// Contents, then owner, then what a change of owner takes away: capabilities and set-id bits (chown(2)); times last.
Result<> TreeSink::add_file(const TreePlace& place, const TarEntry& entry, TarReader& data) {
  TRY_ASSIGN(int made, make_new(place, "create file", [&] {
               return openat(place.dir, place.name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry.mode & 0777);
             }));
  UniqueFd fd(made);
  if (entry.sparse) {
    if (ftruncate(fd.get(), static_cast<off_t>(entry.size)) != 0) return place.bad(errno, "set size");
    for (const Extent& extent : entry.extents) TRY(write_extent(place, fd.get(), extent, data));
  } else {
    TRY(write_extent(place, fd.get(), {.offset = 0, .size = entry.size}, data));
  }
  if (!identity_.owns(entry) && fchown(fd.get(), entry.uid, entry.gid) != 0)
    return place.bad(errno, cat("change owner to ", entry.uid, ":", entry.gid));
  for (const auto& [name, value] : entry.xattrs)
    if (is_layer_xattr(name) && fsetxattr(fd.get(), name.c_str(), value.data(), value.size(), 0) != 0)
      return place.bad(errno, cat("set xattr ", quote(name)));
  if (made_mode(entry) != entry.mode && fchmod(fd.get(), entry.mode) != 0)
    return place.bad(errno, "change mode");
  timespec mtime{.tv_sec = entry.mtime, .tv_nsec = entry.mtime_ns}, times[2] = {mtime, mtime};
  if (futimens(fd.get(), times) != 0) return place.bad(errno, "set times");
  return {};
}

// To a member before it, by its own name: a symlink is linked itself, never what it leads to.
Result<> TreeSink::add_hard_link(const TreePlace& place, const TarEntry& entry) {
  TRY_ASSIGN(std::string target, member_path(entry.link, limits_));
  if (target == *place.path) return {};
  auto refuse = [&] {
    return place.refuse(cat("hard link to ", quote(target), ", which is no earlier member"));
  };
  // One below the link's own name would go, and its open directory be closed, when the link takes that place.
  if (target.empty() || has_hidden_parent(target) || target.starts_with(*place.path + '/')) return refuse();
  Result<TreePlace> from = directories_.find(target);
  if (!from) return refuse();
  struct stat st{};
  if (fstatat(from->dir, from->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode) ||
      is_whiteout(st))
    return refuse();
  struct stat there{};
  bool is_same =
      fstatat(place.dir, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == st.st_ino;
  if (is_same) return {};
  TRY(make_new(place, "create hard link",
               [&] { return linkat(from->dir, from->name.c_str(), place.dir, place.name.c_str(), 0); }));
  return {};
}

// Symlinks, devices and fifos: made by name, and never opened.
Result<> TreeSink::add_special(const TreePlace& place, const TarEntry& entry) {
  const char* name = place.name.c_str();
  TRY(make_new(place, "create", [&] {
    if (entry.type == EntryType::kSymlink) return symlinkat(entry.link.c_str(), place.dir, name);
    mode_t type = entry.type == EntryType::kFifo         ? S_IFIFO
                  : entry.type == EntryType::kCharDevice ? S_IFCHR
                                                         : S_IFBLK;
    dev_t device = entry.type == EntryType::kFifo ? 0 : makedev(entry.device_major, entry.device_minor);
    return mknodat(place.dir, name, type | (entry.mode & 0777), device);
  }));
  if (!identity_.owns(entry) && fchownat(place.dir, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return place.bad(errno, cat("change owner to ", entry.uid, ":", entry.gid));
  // There is no f*xattrat(2) before Linux 6.13, and the descriptor's link leads to our directory and nowhere else.
  std::string path = cat("/proc/self/fd/", place.dir, "/", place.name);
  for (const auto& [key, value] : entry.xattrs)
    if (is_layer_xattr(key) && lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0) != 0)
      return place.bad(errno, cat("set xattr ", quote(key)));
  // fchmodat(2) follows symlinks, which have no mode; what was made just now is none.
  if (entry.type != EntryType::kSymlink && made_mode(entry) != entry.mode &&
      fchmodat(place.dir, name, entry.mode, 0) != 0)
    return place.bad(errno, "change mode");
  timespec mtime{.tv_sec = entry.mtime, .tv_nsec = entry.mtime_ns}, times[2] = {mtime, mtime};
  if (utimensat(place.dir, name, times, AT_SYMLINK_NOFOLLOW) != 0) return place.bad(errno, "set times");
  return {};
}

Result<std::unique_ptr<LayerSink>> tree_sink(const Store& store, const std::string& directory) {
  return tree_sink(store.config().limits, directory);
}

Result<std::unique_ptr<LayerSink>> tree_sink(const UnpackLimits& limits, const std::string& directory) {
  TRY_ASSIGN(UniqueFd above, open_file(directory, O_RDONLY | O_DIRECTORY));
  if (mkdirat(above.get(), "tree", 0700) != 0)
    return fail_errno(errno, cat("create ", quote(directory + "/tree")));
  TRY_ASSIGN(UniqueFd root, open_at(above.get(), "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY_ASSIGN(TreeIdentity identity, TreeIdentity::current());
  // The store's own directory may have a set-group-ID bit or a default ACL.
  if (fchown(root.get(), identity.uid, identity.gid) != 0 || fchmod(root.get(), 0700) != 0)
    return fail_errno(errno, cat("prepare ", quote(directory + "/tree")));
  if (fremovexattr(root.get(), "system.posix_acl_default") != 0 && errno != ENODATA && errno != ENOTSUP)
    return fail_errno(errno, cat("remove default ACL of ", quote(directory + "/tree")));
  return std::make_unique<TreeSink>(std::move(root), limits, identity);
}

}  // namespace shoji::images
