#include "namespaces/mounts/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

namespace shoji {
namespace {

// Directories deeper than this are an attack on our stack and descriptors, not an image.
constexpr int kMaxDepth = 200;

Failure refused(std::string_view what, std::string_view name) {
  return fail_errno(errno, cat("copy up ", quote(name), ": ", what));
}

// The first copy of a file with several names: an O_PATH descriptor is kept open for linkat(2).
struct Copier {
  std::map<std::pair<dev_t, ino_t>, UniqueFd> linked;

  Result<> members(int from, int to, int depth);
  Result<> member(int from, int to, const std::string& name, int depth);
  Result<> directory(int from, int to, const std::string& name, int depth);
  Result<> file(int from, int to, const std::string& name);
  Result<bool> hard_link(const struct stat& st, int to, const std::string& name);
  Result<> remember(const struct stat& st, int to, const std::string& name);
};

// Filesystems without them say so; what tmpfs does not take (trusted.overlay.*) is not the file's own.
Result<> copy_xattrs(int from, int to, const std::string& name) {
  std::string names(65536, '\0');
  ssize_t size = flistxattr(from, names.data(), names.size());
  if (size < 0 && (errno == ENOTSUP || errno == EPERM)) return {};
  if (size < 0) return refused("list extended attributes", name);
  names.resize(static_cast<size_t>(size));
  std::string value(65536, '\0');
  for (size_t at = 0; at < names.size(); at += strlen(names.c_str() + at) + 1) {
    const char* key = names.c_str() + at;
    ssize_t length = fgetxattr(from, key, value.data(), value.size());
    if (length < 0 && errno == ENODATA) continue;
    if (length < 0) return refused("read an extended attribute", name);
    if (fsetxattr(to, key, value.data(), static_cast<size_t>(length), 0) != 0 && errno != ENOTSUP &&
        errno != EPERM)
      return refused("write an extended attribute", name);
  }
  return {};
}

// Owner first: chown(2) clears the set-user-ID bits that chmod(2) then sets again, and the capabilities.
Result<> copy_attributes(int from, int to, const struct stat& st, const std::string& name) {
  if (fchown(to, st.st_uid, st.st_gid) != 0) return refused("change owner", name);
  if (fchmod(to, st.st_mode & 07777) != 0) return refused("change mode", name);
  TRY(copy_xattrs(from, to, name));
  const timespec times[] = {st.st_atim, st.st_mtim};
  if (futimens(to, times) != 0) return refused("change times", name);
  return {};
}

Result<> copy_content(int from, int to, const std::string& name) {
  while (true) {
    ssize_t n = sendfile(to, from, nullptr, size_t{1} << 30);
    if (n == 0) return {};
    if (n < 0 && errno != EINTR) return refused("copy content", name);
  }
}

Result<> copy_symlink(int from, int to, const std::string& name, const struct stat& st) {
  std::string target(4096, '\0');
  ssize_t n = readlinkat(from, name.c_str(), target.data(), target.size());
  if (n < 0) return refused("read symlink", name);
  target.resize(static_cast<size_t>(n));
  if (symlinkat(target.c_str(), to, name.c_str()) != 0) return refused("create symlink", name);
  const timespec times[] = {st.st_atim, st.st_mtim};
  if (fchownat(to, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return refused("change owner", name);
  if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return refused("change times", name);
  return {};
}

Result<> copy_node(int to, const std::string& name, const struct stat& st) {
  if (mknodat(to, name.c_str(), st.st_mode, st.st_rdev) != 0) return refused("create node", name);
  const timespec times[] = {st.st_atim, st.st_mtim};
  if (fchownat(to, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return refused("change owner", name);
  if (fchmodat(to, name.c_str(), st.st_mode & 07777, 0) != 0) return refused("change mode", name);
  if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return refused("change times", name);
  return {};
}

Result<bool> Copier::hard_link(const struct stat& st, int to, const std::string& name) {
  auto first = linked.find({st.st_dev, st.st_ino});
  if (st.st_nlink < 2 || first == linked.end()) return false;
  if (linkat(first->second.get(), "", to, name.c_str(), AT_EMPTY_PATH) != 0)
    return refused("create hard link", name);
  return true;
}

Result<> Copier::remember(const struct stat& st, int to, const std::string& name) {
  if (st.st_nlink < 2) return {};
  UniqueFd fd(openat(to, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return refused("open", name);
  linked[{st.st_dev, st.st_ino}] = std::move(fd);
  return {};
}

Result<> Copier::file(int from, int to, const std::string& name) {
  UniqueFd source(openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source) return refused("open", name);
  struct stat st{};
  if (fstat(source.get(), &st) != 0) return refused("inspect", name);
  UniqueFd target(openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return refused("create", name);
  TRY(copy_content(source.get(), target.get(), name));
  return copy_attributes(source.get(), target.get(), st, name);
}

Result<> Copier::directory(int from, int to, const std::string& name, int depth) {
  if (depth >= kMaxDepth)
    return fail(Kind::kInvalid, cat("copy up ", quote(name), ": directories nest too deeply"));
  UniqueFd source(openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source) return refused("open", name);
  struct stat st{};
  if (fstat(source.get(), &st) != 0) return refused("inspect", name);
  if (mkdirat(to, name.c_str(), 0700) != 0) return refused("create directory", name);
  UniqueFd target(openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return refused("open", name);
  TRY(members(source.get(), target.get(), depth + 1));
  return copy_attributes(source.get(), target.get(), st, name);
}

Result<> Copier::member(int from, int to, const std::string& name, int depth) {
  struct stat st{};
  if (fstatat(from, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return refused("inspect", name);
  if (S_ISDIR(st.st_mode)) return directory(from, to, name, depth);
  if (S_ISSOCK(st.st_mode)) return {};
  TRY_ASSIGN(bool made, hard_link(st, to, name));
  if (made) return {};
  if (S_ISREG(st.st_mode)) {
    TRY(file(from, to, name));
  } else if (S_ISLNK(st.st_mode)) {
    TRY(copy_symlink(from, to, name, st));
  } else {
    TRY(copy_node(to, name, st));
  }
  return remember(st, to, name);
}

Result<> Copier::members(int from, int to, int depth) {
  struct Closer {
    void operator()(DIR* dir) const { closedir(dir); }
  };
  int copy = fcntl(from, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return refused("open", ".");
  std::unique_ptr<DIR, Closer> stream(fdopendir(copy));
  if (!stream) {
    close(copy);
    return refused("list", ".");
  }
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    TRY(member(from, to, name, depth));
  }
  if (errno != 0) return refused("list", ".");
  return {};
}

Result<UniqueFd> new_tmpfs(const ParentMount& mount) {
  std::string words = cat("mount \"tmpfs\" on ", quote(mount.destination));
  UniqueFd fs(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!fs) return fail_errno(errno, words);
  if (syscall(SYS_fsconfig, fs.get(), FSCONFIG_SET_STRING, "source", "tmpfs", 0) != 0)
    return fail_errno(errno, words);
  for (const auto& [key, value] : mount.data) {
    const bool flag = value.empty();
    if (syscall(SYS_fsconfig, fs.get(), flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key.c_str(),
                flag ? nullptr : value.c_str(), 0) != 0)
      return fail_errno(errno, cat(words, ": option ", quote(key)));
  }
  if (syscall(SYS_fsconfig, fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail_errno(errno, words);
  UniqueFd tree(static_cast<int>(syscall(SYS_fsmount, fs.get(), FSMOUNT_CLOEXEC, mount.attributes)));
  if (!tree) return fail_errno(errno, words);
  return tree;
}

Result<UniqueFd> open_source(const ParentMount& mount) {
  std::string words = cat("copy up ", quote(mount.destination));
  UniqueFd root(open(mount.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno(errno, words);
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  std::string path = cat("./", mount.source);
  UniqueFd source(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
  if (!source) return fail_errno(errno, words);
  return source;
}

}  // namespace

Result<> copy_tree(int from, int to) {
  struct stat st{};
  if (fstat(from, &st) != 0) return refused("inspect", ".");
  Copier copier;
  TRY(copier.members(from, to, 0));
  return copy_attributes(from, to, st, ".");
}

Result<UniqueFd> make_copied_tmpfs(const ParentMount& mount) {
  TRY_ASSIGN(UniqueFd source, open_source(mount));
  TRY_ASSIGN(UniqueFd tree, new_tmpfs(mount));
  UniqueFd root(openat(tree.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno(errno, cat("copy up ", quote(mount.destination)));
  TRY(copy_tree(source.get(), root.get()));
  return tree;
}

}  // namespace shoji
