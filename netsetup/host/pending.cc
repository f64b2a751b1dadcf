#include "netsetup/host/pending.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/io.h"

namespace shoji::net {

namespace {

constexpr size_t kTextLimit =
    64 << 20;  // bytes: a partition with thousands of published ports on several networks

std::string directory_of(const std::string& run) {
  return run + "/pending";
}

Result<> lock(int fd, const std::string& path) {
  while (flock(fd, LOCK_EX) != 0)
    if (errno != EINTR) return fail_errno(errno, cat("lock ", quote(path)));
  return {};
}

// Its verb may have finished it, and another may have begun, between our open and our lock.
bool has_name(int fd) {
  struct stat facts{};
  return fstat(fd, &facts) == 0 && facts.st_nlink > 0;
}

Result<> clear_file(int fd, const std::string& path, const std::string& name, const ClearPending& clear) {
  TRY_ASSIGN(std::string text, read_fd(fd, path, kTextLimit));
  if (Result<> cleared = clear(name, text); !cleared)
    return Failure(within(cat("clear what a killed command left of ", quote(name)), cleared.error()));
  if (unlink(path.c_str()) != 0) return fail_errno(errno, cat("remove ", quote(path)));
  return {};
}

// A complete, locked file without a name.
Result<UniqueFd> make_file(const std::string& directory, std::string_view text) {
  Result<UniqueFd> made = open_file(directory, O_TMPFILE | O_RDWR | O_APPEND, 0600);
  if (!made && made.error().kind == Kind::kNotFound) {
    TRY(make_directories(directory, 0700));
    made = open_file(directory, O_TMPFILE | O_RDWR | O_APPEND, 0600);
  }
  TRY_ASSIGN(UniqueFd file, std::move(made));
  TRY(lock(file.get(), directory));
  TRY(write_all(file.get(), text, directory));
  return file;
}

}  // namespace

Result<Pending> Pending::begin(const std::string& run, const std::string& name, std::string_view text,
                               const ClearPending& clear) {
  std::string directory = directory_of(run);
  std::string path = cat(directory, '/', name);
  TRY_ASSIGN(UniqueFd file, make_file(directory, text));
  std::string source = cat("/proc/self/fd/", file.get());
  // Each turn waits for one verb, or clears up behind one.
  while (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno != EEXIST) return fail_errno(errno, cat("make ", quote(path)));
    Result<UniqueFd> other = open_file(path, O_RDWR | O_NOFOLLOW);
    if (!other && other.error().kind == Kind::kNotFound) continue;
    if (!other) return Failure(other.error());
    TRY(lock(other->get(), path));
    if (has_name(other->get())) TRY(clear_file(other->get(), path, name, clear));
  }
  return Pending(std::move(file), std::move(path), name);
}

Result<> Pending::append(std::string_view text) {
  return write_all(file_.get(), text, path_);
}

Result<> Pending::finish() {
  if (unlink(path_.c_str()) != 0) return fail_errno(errno, cat("remove ", quote(path_)));
  file_.reset();
  return {};
}

Result<std::set<std::string>> pending_names(const std::string& run) {
  std::set<std::string> out;
  std::string directory = directory_of(run);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
  if (!entries && errno == ENOENT) return out;
  if (!entries) return fail_errno(errno, cat("list ", quote(directory)));
  while (const dirent* entry = readdir(entries.get()))
    if (std::string_view name = entry->d_name; name != "." && name != "..") out.emplace(name);
  return out;
}

Result<> clear_pending(const std::string& run, const ClearPending& clear) {
  TRY_ASSIGN(std::set<std::string> names, pending_names(run));
  Result<> result;
  for (const std::string& name : names) {
    std::string path = cat(directory_of(run), '/', name);
    Result<UniqueFd> file = open_file(path, O_RDWR | O_NOFOLLOW);
    // Finished since, or at work.
    if (!file || flock(file->get(), LOCK_EX | LOCK_NB) != 0 || !has_name(file->get())) continue;
    // One that cannot be cleared does not keep the others.
    if (Result<> cleared = clear_file(file->get(), path, name, clear); !cleared && result) result = cleared;
  }
  return result;
}

}  // namespace shoji::net
