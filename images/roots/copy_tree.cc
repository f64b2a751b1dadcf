#include "images/roots/copy_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <vector>

#include "base/io.h"
#include "images/roots/xattrs.h"
#include "images/store/durable.h"

namespace shoji::images {
namespace {

constexpr size_t kBufferSize = 128 << 10;
constexpr int kDepthLimit = 400;  // each holds two descriptors

// A directory on both sides, and its path for messages and links.
struct Place {
  int from, to;
  std::string path;  // below the tree, "" or "/a/b"
};

class TreeCopier {
 public:
  TreeCopier(int top, std::string name) : top_(top), name_(std::move(name)), buffer_(kBufferSize, '\0') {}
  Result<> copy_members(const Place& place, int depth);
  Result<> copy_attributes(const std::string& from, const std::string& to, const struct stat& st);

 private:
  Result<> copy_entry(const Place& place, const std::string& name, int depth);
  Result<> copy_directory(const Place& place, const std::string& name, int depth);
  Result<> copy_file(const Place& place, const std::string& name, const struct stat& st);
  Result<> copy_data(int from, int to, uint64_t size);
  Result<> copy_symlink(const Place& place, const std::string& name);
  Result<bool> link_again(const Place& place, const std::string& name, const struct stat& st);
  [[nodiscard]] Failure failed(std::string_view what, const std::string& path, int err) const {
    return fail_errno(err, cat("copy ", quote(cat(name_, path)), ": ", what));
  }

  int top_;  // the copy's root directory
  std::string name_;
  std::string buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string>
      linked_;  // the first name, in the copy, of files with several
};

Result<> TreeCopier::copy_data(int from, int to, uint64_t size) {
  if (ioctl(to, FICLONE, from) == 0) return {};
  off_t end = static_cast<off_t>(size);
  for (off_t at = 0; at < end;) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    if (data < 0) data = at;
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0 || hole > end) hole = end;
    if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0) return fail_errno(errno, "seek");
    for (at = data; at < hole;) {
      size_t want = std::min(buffer_.size(), static_cast<size_t>(hole - at));
      ssize_t n = read(from, buffer_.data(), want);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(errno, "read");
      if (n == 0) return {};  // shorter than it was
      TRY(write_all(to, {buffer_.data(), static_cast<size_t>(n)}, "the copy"));
      at += n;
    }
  }
  if (ftruncate(to, end) != 0) return fail_errno(errno, "set the size");
  return {};
}

Result<> TreeCopier::copy_file(const Place& place, const std::string& name, const struct stat& st) {
  UniqueFd from(openat(place.from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from) return errno == ENOENT ? Result<>() : failed("open", cat(place.path, "/", name), errno);
  UniqueFd to(openat(place.to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to) return failed("create", cat(place.path, "/", name), errno);
  auto copied = copy_data(from.get(), to.get(), static_cast<uint64_t>(st.st_size));
  if (!copied)
    return Failure(within(cat("copy ", quote(cat(name_, place.path, "/", name))), std::move(copied).error()));
  return {};
}

Result<> TreeCopier::copy_symlink(const Place& place, const std::string& name) {
  std::string target(4096, '\0');
  ssize_t n = readlinkat(place.from, name.c_str(), target.data(), target.size());
  if (n < 0) return errno == ENOENT ? Result<>() : failed("read the link", cat(place.path, "/", name), errno);
  target.resize(static_cast<size_t>(n));
  if (symlinkat(target.c_str(), place.to, name.c_str()) == 0) return {};
  return failed("create", cat(place.path, "/", name), errno);
}

Result<> TreeCopier::copy_directory(const Place& place, const std::string& name, int depth) {
  std::string path = cat(place.path, "/", name);
  UniqueFd from(openat(place.from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return errno == ENOENT ? Result<>() : failed("open", path, errno);
  if (mkdirat(place.to, name.c_str(), 0700) != 0) return failed("create", path, errno);
  UniqueFd to(openat(place.to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return failed("open the copy", path, errno);
  return copy_members({from.get(), to.get(), path}, depth + 1);
}

Result<bool> TreeCopier::link_again(const Place& place, const std::string& name, const struct stat& st) {
  if (S_ISDIR(st.st_mode) || st.st_nlink < 2) return false;
  std::string path = cat(place.path, "/", name).substr(1);
  auto [first, is_new] = linked_.try_emplace({st.st_dev, st.st_ino}, path);
  if (is_new) return false;
  if (linkat(top_, first->second.c_str(), place.to, name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) {  // the first name went away before it was copied
    first->second = path;
    return false;
  }
  return failed("link", "/" + path, errno);
}

// Owner before mode, for chown(2) clears set-id bits; xattrs after the owner, for it clears capabilities; times last.
Result<> TreeCopier::copy_attributes(const std::string& from, const std::string& to, const struct stat& st) {
  if (fchownat(AT_FDCWD, to.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, cat("set the owner of ", quote(to)));
  if (!S_ISLNK(st.st_mode) && fchmodat(AT_FDCWD, to.c_str(), st.st_mode & 07777, 0) != 0)
    return fail_errno(errno, cat("set the mode of ", quote(to)));
  TRY(copy_xattrs(from, to));
  timespec times[2] = {st.st_atim, st.st_mtim};
  if (utimensat(AT_FDCWD, to.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, cat("set the times of ", quote(to)));
  return {};
}

Result<> TreeCopier::copy_entry(const Place& place, const std::string& name, int depth) {
  struct stat st{};
  if (fstatat(place.from, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<>() : failed("inspect", cat(place.path, "/", name), errno);
  TRY_ASSIGN(bool linked, link_again(place, name, st));
  if (linked) return {};
  if (S_ISDIR(st.st_mode)) {
    TRY(copy_directory(place, name, depth));
  } else if (S_ISREG(st.st_mode)) {
    TRY(copy_file(place, name, st));
  } else if (S_ISLNK(st.st_mode)) {
    TRY(copy_symlink(place, name));
  } else if (mknodat(place.to, name.c_str(), st.st_mode & S_IFMT, st.st_rdev) != 0) {
    return failed("create", cat(place.path, "/", name), errno);
  }
  std::string to = cat("/proc/self/fd/", place.to, "/", name);
  if (faccessat(AT_FDCWD, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return {};  // it went away
  auto copied = copy_attributes(cat("/proc/self/fd/", place.from, "/", name), to, st);
  if (!copied && copied.error().kind != Kind::kNotFound) return copied;
  return {};
}

Result<> TreeCopier::copy_members(const Place& place, int depth) {
  if (depth > kDepthLimit)
    return fail(Kind::kUnsupported,
                cat("copy ", quote(name_), ": more than ", kDepthLimit, " directories deep"));
  auto names = list_directory(place.from, ".");
  if (!names) return Failure(within(cat("copy ", quote(cat(name_, place.path))), std::move(names).error()));
  for (const std::string& name : *names) TRY(copy_entry(place, name, depth));
  return {};
}

}  // namespace

Result<> copy_upper_tree(const std::string& from, const std::string& to) {
  TRY_ASSIGN(UniqueFd source, open_file(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (mkdir(to.c_str(), 0700) != 0) return fail_errno(errno, cat("create directory ", quote(to)));
  TRY_ASSIGN(UniqueFd target, open_file(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TreeCopier copier(target.get(), from);
  TRY(copier.copy_members({source.get(), target.get(), ""}, 0));
  struct stat st{};
  if (fstat(source.get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(from)));
  return copier.copy_attributes(from, to, st);
}

}  // namespace shoji::images
