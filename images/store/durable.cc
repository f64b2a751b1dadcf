#include "images/store/durable.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/store/scratch.h"

namespace shoji::images {

Result<UniqueFd> lock_at(int dir, const std::string& name, int how) {
  UniqueFd fd(openat(dir, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd && errno == EISDIR) fd.reset(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, cat("open ", quote(name)));
  while (flock(fd.get(), how) != 0) {
    if (errno == EWOULDBLOCK) return fail(Kind::kState, cat("lock ", quote(name), ": it is in use"));
    if (errno != EINTR) return fail_errno(errno, cat("lock ", quote(name)));
  }
  return fd;
}

Result<UniqueFd> hold_sweeping_off(const Store& store) {
  return lock_at(store.dir(), "sweep.lock", LOCK_SH);
}

Result<> sync_file(int fd, std::string_view name) {
  if (fsync(fd) != 0) return fail_errno(errno, cat("write ", quote(name), " to disk"));
  return {};
}

Result<> sync_directory(const Store& store, const std::string& name) {
  if (name.empty()) return sync_file(store.dir(), store.path());
  TRY_ASSIGN(UniqueFd fd, open_at(store.dir(), name, O_RDONLY | O_DIRECTORY));
  return sync_file(fd.get(), name);
}

Result<> write_durably(const Store& store, const std::string& name, std::string_view text) {
  TRY_ASSIGN(Scratch file, Scratch::make_file(store, "file"));
  TRY(write_all(file.fd(), text, file.path()));
  TRY(sync_file(file.fd(), file.path()));
  TRY(file.publish(name));
  size_t slash = name.rfind('/');
  return sync_directory(store, slash == std::string::npos ? std::string() : name.substr(0, slash));
}

Result<std::vector<std::string>> list_directory(int dir, const std::string& name) {
  std::vector<std::string> out;
  UniqueFd fd(openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return out;
  if (!fd) return fail_errno(errno, cat("open ", quote(name)));
  DIR* stream = fdopendir(fd.get());
  if (stream == nullptr) return fail_errno(errno, cat("list ", quote(name)));
  (void)fd.release();  // the stream's now
  errno = 0;
  while (dirent* entry = readdir(stream)) {
    std::string_view member = entry->d_name;
    if (member != "." && member != "..") out.emplace_back(member);
    errno = 0;
  }
  int err = errno;
  closedir(stream);
  if (err != 0) return fail_errno(err, cat("list ", quote(name)));
  return out;
}

}  // namespace shoji::images
