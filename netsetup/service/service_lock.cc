#include "netsetup/service/service_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/io.h"

namespace shoji::net {

Result<std::optional<ServiceLock>> ServiceLock::lock(const std::string& directory, const std::string& name,
                                                     bool wait) {
  TRY(make_directories(directory, 0755));
  std::string path = cat(directory, '/', name, ".lock");
  while (true) {
    TRY_ASSIGN(UniqueFd fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    while (flock(fd.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::nullopt;
      return fail_errno(errno, cat("lock ", quote(path)));
    }
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) return fail_errno(errno, cat("look at ", quote(path)));
    // Whoever had it took its name away: another file is the lock now, or none.
    if (status.st_nlink == 0) continue;
    return ServiceLock(std::move(path), name, std::move(fd), status.st_size > 0);
  }
}

Result<ServiceLock> ServiceLock::acquire(const std::string& directory, const std::string& name) {
  TRY_ASSIGN(std::optional<ServiceLock> out, lock(directory, name, true));
  return std::move(*out);
}

Result<std::optional<ServiceLock>> ServiceLock::try_acquire(const std::string& directory,
                                                            const std::string& name) {
  return lock(directory, name, false);
}

ServiceLock::ServiceLock(ServiceLock&& other) noexcept
    : path_(std::move(other.path_)),
      name_(std::move(other.name_)),
      fd_(std::move(other.fd_)),
      dirty_(std::exchange(other.dirty_, false)) {}

ServiceLock::~ServiceLock() {
  if (fd_ && !dirty_) unlink(path_.c_str());
}

Result<> ServiceLock::begin() {
  if (dirty_) return {};
  TRY(write_all(fd_.get(), "+", path_));
  dirty_ = true;
  return {};
}

}  // namespace shoji::net
