#include "images/transfer/tree_archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include "base/io.h"
#include "images/tar/tar_writer.h"

namespace shoji::images {
namespace {

constexpr size_t kBuffer = 128 << 10;

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

Result<std::vector<std::string>> sorted_names(int directory, const std::string& path) {
  UniqueFd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, DirCloser> dir(copy ? fdopendir(copy.get()) : nullptr);
  if (!dir) return fail_errno(errno, cat("read directory ", quote(path)));
  static_cast<void>(copy.release());  // the DIR owns it now
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = readdir(dir.get()); errno = 0) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno(errno, cat("read directory ", quote(path)));
  std::ranges::sort(names);
  return names;
}

// Attributes of the host's own making are no part of an image: SELinux labels, and overlayfs' notes to itself.
bool belongs_to_image(std::string_view xattr) {
  return xattr != "security.selinux" && !xattr.starts_with("trusted.overlay.") &&
         !xattr.starts_with("user.overlay.");
}

// `path` leads through /proc/self/fd to the member, which is not followed if it is a symbolic link.
Result<> read_xattrs(const std::string& path, TarEntry& entry) {
  std::string names(64 << 10, '\0');  // XATTR_LIST_MAX
  ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno == ENOTSUP) return {};
  if (size < 0) return fail_errno(errno, cat("list the extended attributes of ", quote(entry.path)));
  names.resize(static_cast<size_t>(size));
  std::string value(64 << 10, '\0');  // XATTR_SIZE_MAX
  for (size_t at = 0; at < names.size();) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (!belongs_to_image(name)) continue;
    ssize_t length = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) return fail_errno(errno, cat("read attribute ", quote(name), " of ", quote(entry.path)));
    entry.xattrs.emplace_back(name, value.substr(0, static_cast<size_t>(length)));
  }
  std::ranges::sort(entry.xattrs);
  return {};
}

class TreeArchiver {
 public:
  TreeArchiver(ByteSink& tar, dev_t device) : writer_(tar), device_(device) {}

  Result<int64_t> run(int root, const std::string& path) {
    struct stat status{};
    if (fstat(root, &status) != 0) return fail_errno(errno, cat("read the state of ", quote(path)));
    TRY(add(root, ".", "./", status));
    TRY(directory(root, ""));
    TRY(writer_.finish());
    return newest_;
  }

 private:
  Result<> directory(int fd, const std::string& prefix) {
    TRY_ASSIGN(std::vector<std::string> names, sorted_names(fd, prefix.empty() ? "." : prefix));
    for (const std::string& name : names) {
      struct stat status{};
      std::string path = prefix + name;
      if (fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return fail_errno(errno, cat("read the state of ", quote(path)));
      }
      if (S_ISSOCK(status.st_mode)) continue;
      bool is_directory = S_ISDIR(status.st_mode);
      if (is_directory) path += '/';
      TRY(add(fd, name, path, status));
      if (!is_directory || status.st_dev != device_) continue;
      TRY_ASSIGN(UniqueFd below, open_at(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      TRY(directory(below.get(), path));
    }
    return {};
  }

  Result<> add(int parent, const std::string& name, const std::string& path, const struct stat& status) {
    TarEntry entry;
    entry.path = path;
    entry.mode = status.st_mode & 07777;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.mtime = status.st_mtim.tv_sec;
    entry.mtime_ns = static_cast<uint32_t>(status.st_mtim.tv_nsec);
    newest_ = std::max(newest_, entry.mtime);
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
      auto [link, is_first] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_first) {
        entry.type = EntryType::kHardLink;
        entry.link = link->second;
        return writer_.header(entry);
      }
    }
    TRY(read_xattrs(cat("/proc/self/fd/", parent, "/", name), entry));
    switch (status.st_mode & S_IFMT) {
      case S_IFDIR:
        entry.type = EntryType::kDirectory;
        break;
      case S_IFLNK:
        entry.type = EntryType::kSymlink;
        TRY(read_link(parent, name, entry));
        break;
      case S_IFIFO:
        entry.type = EntryType::kFifo;
        break;
      case S_IFCHR:
      case S_IFBLK:
        entry.type = S_ISCHR(status.st_mode) ? EntryType::kCharDevice : EntryType::kBlockDevice;
        entry.device_major = major(status.st_rdev);
        entry.device_minor = minor(status.st_rdev);
        break;
      default:
        return file(parent, name, entry, status);
    }
    return writer_.header(entry);
  }

  static Result<> read_link(int parent, const std::string& name, TarEntry& entry) {
    char target[4096];  // PATH_MAX
    ssize_t size = readlinkat(parent, name.c_str(), target, sizeof target);
    if (size < 0) return fail_errno(errno, cat("read link ", quote(entry.path)));
    entry.link.assign(target, static_cast<size_t>(size));
    return {};
  }

  Result<> file(int parent, const std::string& name, TarEntry& entry, const struct stat& status) {
    TRY_ASSIGN(UniqueFd fd, open_at(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    entry.size = static_cast<uint64_t>(status.st_size);
    std::vector<Extent> extents{{.offset = 0, .size = entry.size}};
    if (static_cast<uint64_t>(status.st_blocks) * 512 < entry.size) {
      extents = data_extents(fd.get(), entry.size);
      entry.sparse = extents.size() != 1 || extents[0].size != entry.size;
      if (entry.sparse) entry.extents = extents;
    }
    TRY(writer_.header(entry));
    for (const Extent& extent : extents) TRY(copy(fd.get(), extent, entry.path));
    return {};
  }

  // lseek(2): SEEK_DATA fails with ENXIO when only a hole is left.
  static std::vector<Extent> data_extents(int fd, uint64_t size) {
    std::vector<Extent> extents;
    for (uint64_t at = 0; at < size;) {
      off_t data = lseek(fd, static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
      if (hole < 0) return {{.offset = 0, .size = size}};  // the filesystem knows no holes
      uint64_t end = std::min<uint64_t>(static_cast<uint64_t>(hole), size);
      if (static_cast<uint64_t>(data) >= end) break;
      extents.push_back({.offset = static_cast<uint64_t>(data), .size = end - static_cast<uint64_t>(data)});
      at = end;
    }
    return extents;
  }

  Result<> copy(int fd, const Extent& extent, const std::string& path) {
    for (uint64_t done = 0; done < extent.size;) {
      size_t wanted = std::min<uint64_t>(kBuffer, extent.size - done);
      ssize_t size = pread(fd, buffer_.get(), wanted, static_cast<off_t>(extent.offset + done));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return fail_errno(errno, cat("read ", quote(path)));
      if (size == 0) return fail(Kind::kState, cat(quote(path), " became shorter while it was read"));
      TRY(writer_.data({buffer_.get(), static_cast<size_t>(size)}));
      done += static_cast<uint64_t>(size);
    }
    return {};
  }

  TarWriter writer_;
  dev_t device_;
  int64_t newest_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // the first path of a file with several
  std::unique_ptr<char[]> buffer_ = std::make_unique<char[]>(kBuffer);
};

}  // namespace

Result<int64_t> archive_tree(const std::string& path, ByteSink& tar) {
  TRY_ASSIGN(UniqueFd root, open_file(path, O_RDONLY | O_DIRECTORY));
  struct stat status{};
  if (fstat(root.get(), &status) != 0) return fail_errno(errno, cat("read the state of ", quote(path)));
  return TreeArchiver(tar, status.st_dev).run(root.get(), path);
}

}  // namespace shoji::images
