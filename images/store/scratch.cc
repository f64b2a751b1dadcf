#include "images/store/scratch.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

// Other pid namespaces may share the store, so that the pid alone is not unique; O_EXCL decides.
std::string next_name(std::string_view purpose) {
  static std::atomic<uint32_t> counter;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return cat("tmp/", purpose, ".", getpid(), ".", counter++, ".", now.tv_nsec);
}

Result<UniqueFd> make_entry(int dir, const std::string& name, bool directory) {
  if (!directory) return open_at(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (mkdirat(dir, name.c_str(), 0755) != 0) return fail_errno(errno, cat("create directory ", quote(name)));
  return open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Scratch::Scratch(const Store& store, std::string path, UniqueFd fd)
    : store_(&store), path_(std::move(path)), fd_(std::move(fd)) {}

Result<Scratch> Scratch::make(const Store& store, std::string_view purpose, bool directory) {
  // A sweep between making and locking would take it for a dead process' one.
  TRY_ASSIGN(UniqueFd no_sweep, hold_sweeping_off(store));
  for (int attempt = 0;; ++attempt) {
    std::string name = next_name(purpose);
    auto fd = make_entry(store.dir(), name, directory);
    if (!fd && fd.error().kind == Kind::kExists && attempt < 100) continue;
    if (!fd) return Failure(std::move(fd).error());
    while (flock(fd->get(), LOCK_EX) != 0)
      if (errno != EINTR) return fail_errno(errno, cat("lock ", quote(name)));
    return Scratch(store, cat(store.path(), '/', name), std::move(*fd));
  }
}

Result<Scratch> Scratch::make_file(const Store& store, std::string_view purpose) {
  return make(store, purpose, false);
}
Result<Scratch> Scratch::make_directory(const Store& store, std::string_view purpose) {
  return make(store, purpose, true);
}

Result<> Scratch::publish(const std::string& name) {
  if (renameat(AT_FDCWD, path_.c_str(), store_->dir(), name.c_str()) != 0) {
    int err = errno == ENOTEMPTY ? EEXIST : errno;
    return fail_errno(err, cat("rename ", quote(path_), " to ", quote(name)));
  }
  path_.clear();
  return {};
}

Scratch::~Scratch() {
  if (!path_.empty()) ignore(remove_tree(path_), "what stays is swept, for the lock goes now");
}
Scratch::Scratch(Scratch&& other) noexcept
    : store_(other.store_), path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
Scratch& Scratch::operator=(Scratch&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace shoji::images
