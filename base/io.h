#pragma once
// Whole-file reads and writes. Paths in messages are quoted; every descriptor is close-on-exec.
#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

inline constexpr size_t kNoSizeLimit = static_cast<size_t>(-1);

// open(2) with O_CLOEXEC added.
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);
Result<UniqueFd> open_at(int dir, const std::string& path, int flags, mode_t mode = 0);

// The whole file; longer than `limit` bytes is kInvalid. Works for kernel files, whose size is not known before.
Result<std::string> read_file(const std::string& path, size_t limit = kNoSizeLimit);
Result<std::string> read_file_at(int dir, const std::string& path, size_t limit = kNoSizeLimit);
Result<std::string> read_fd(int fd, std::string_view name, size_t limit = kNoSizeLimit);

// One write(2) of the whole text to an existing file, as kernel files need it. The error quotes text and path.
Result<> write_kernel_file(const std::string& path, std::string_view text);
Result<> write_kernel_file_at(int dir, const std::string& path, std::string_view text);
// All of it, over several write(2) if necessary.
Result<> write_all(int fd, std::string_view text, std::string_view name);

// Replaces `path` by a temporary file and rename(2), so that a reader sees the old or the new text. No fsync: for
// facts under /run, which a reboot forgets anyway.
Result<> write_file_atomically(const std::string& path, std::string_view text, mode_t mode = 0600);

// mkdir -p. Existing directories are fine.
Result<> make_directories(const std::string& path, mode_t mode);
// Removes the tree at `path` without following symlinks or crossing into other mounts; absent is fine.
Result<> remove_tree(const std::string& path);

// flock(2) on an open directory that verbs take in turn; `whose` is for the sentence of one that has waited ten seconds:
// `another command is still at work on the container`.
Result<> lock_patiently(int fd, std::string_view whose);
// Whether an open directory has been removed: what was locked is then nobody's.
bool is_unlinked(int fd);

// An advisory flock(2) on a file, released when the object dies (also on kill -9).
class FileLock {
 public:
  static Result<FileLock> acquire(int dir, const std::string& name);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace shoji
