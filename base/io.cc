#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace shoji {

Result<UniqueFd> open_at(int dir, const std::string& path, int flags, mode_t mode) {
  int fd = openat(dir, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return fail_errno(errno, cat("open ", quote(path)));
  return UniqueFd(fd);
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<std::string> read_fd(int fd, std::string_view name, size_t limit) {
  std::string out;
  size_t used = 0;
  while (true) {
    // Kernel files say size 0, so that the buffer grows with what comes.
    if (out.size() == used) out.resize(used == 0 ? 4096 : used * 2);
    ssize_t n = read(fd, out.data() + used, out.size() - used);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, cat("read ", quote(name)));
    }
    if (n == 0) break;
    used += static_cast<size_t>(n);
    if (used > limit)
      return fail(Kind::kInvalid, cat("read ", quote(name), ": longer than ", limit, " bytes"));
  }
  out.resize(used);
  return out;
}

Result<std::string> read_file_at(int dir, const std::string& path, size_t limit) {
  TRY_ASSIGN(UniqueFd fd, open_at(dir, path, O_RDONLY));
  return read_fd(fd.get(), path, limit);
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  return read_file_at(AT_FDCWD, path, limit);
}

Result<> write_kernel_file_at(int dir, const std::string& path, std::string_view text) {
  auto sentence = [&] { return cat("write ", quote(text), " to ", quote(path)); };
  UniqueFd fd(openat(dir, path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, sentence());
  ssize_t n = 0;
  do {
    n = write(fd.get(), text.data(), text.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(errno, sentence());
  if (static_cast<size_t>(n) != text.size()) return fail_errno(EIO, sentence());
  return {};
}

Result<> write_kernel_file(const std::string& path, std::string_view text) {
  return write_kernel_file_at(AT_FDCWD, path, text);
}

Result<> write_all(int fd, std::string_view text, std::string_view name) {
  while (!text.empty()) {
    ssize_t n = write(fd, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_errno(errno, cat("write ", quote(name)));
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<> write_file_atomically(const std::string& path, std::string_view text, mode_t mode) {
  // The pid makes concurrent writers use different names; a name left by a killed writer is overwritten.
  std::string temporary = cat(path, ".", getpid(), ".tmp");
  TRY_ASSIGN(UniqueFd fd, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  if (auto written = write_all(fd.get(), text, temporary); !written) {
    unlink(temporary.c_str());
    return written;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    int err = errno;
    unlink(temporary.c_str());
    return fail_errno(err, cat("rename ", quote(temporary), " to ", quote(path)));
  }
  return {};
}

Result<> make_directories(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return fail_errno(errno, cat("create directory ", quote(path)));
  size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0)
    return fail_errno(ENOENT, cat("create directory ", quote(path)));
  TRY(make_directories(path.substr(0, slash), mode));
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail_errno(errno, cat("create directory ", quote(path)));
  return {};
}

namespace {

Result<> remove_entry(int dir, const std::string& name, dev_t device);

Result<> remove_members(int dir, const std::string& name, dev_t device) {
  UniqueFd fd(openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, cat("open ", quote(name)));
  struct stat st{};
  if (fstat(fd.get(), &st) != 0) return fail_errno(errno, cat("inspect ", quote(name)));
  if (st.st_dev != device) return fail_errno(EXDEV, cat("remove ", quote(name)));
  DIR* stream = fdopendir(dup(fd.get()));
  if (stream == nullptr) return fail_errno(errno, cat("list ", quote(name)));
  Result<> result;
  while (dirent* entry = readdir(stream)) {
    std::string member = entry->d_name;
    if (member == "." || member == "..") continue;
    result = remove_entry(fd.get(), member, device);
    if (!result) break;
  }
  closedir(stream);
  return result;
}

Result<> remove_entry(int dir, const std::string& name, dev_t device) {
  if (unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_errno(errno, cat("remove ", quote(name)));
  if (unlinkat(dir, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return fail_errno(errno, cat("remove ", quote(name)));
  TRY(remove_members(dir, name, device));
  if (unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail_errno(errno, cat("remove ", quote(name)));
  return {};
}

}  // namespace

Result<> remove_tree(const std::string& path) {
  struct stat st{};
  if (lstat(path.c_str(), &st) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, cat("inspect ", quote(path)));
  }
  return remove_entry(AT_FDCWD, path, st.st_dev);
}

// flock(2) has no time limit, and another verb may be stuck in a hook: look again, less and less often.
Result<> lock_patiently(int fd, std::string_view whose) {
  constexpr long kFirstPause = 500'000;  // nanoseconds
  constexpr long kLongestPause = 50'000'000;
  constexpr long kPatience = 10'000'000'000;
  long waited = 0;
  for (long pause = kFirstPause; flock(fd, LOCK_EX | LOCK_NB) != 0;
       pause = std::min(pause * 2, kLongestPause)) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail_errno(errno, cat("lock ", whose));
    if (waited >= kPatience) return fail(Kind::kState, cat("another command is still at work on ", whose));
    timespec duration{0, pause};
    nanosleep(&duration, nullptr);
    waited += pause;
  }
  return {};
}

bool is_unlinked(int fd) {
  struct stat info{};
  return fstat(fd, &info) == 0 && info.st_nlink == 0;
}

Result<FileLock> FileLock::acquire(int dir, const std::string& name) {
  TRY_ASSIGN(UniqueFd fd, open_at(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno(errno, cat("lock ", quote(name)));
  }
  return FileLock(std::move(fd));
}

}  // namespace shoji
