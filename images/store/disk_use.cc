#include "images/store/disk_use.h"

#include <fcntl.h>

#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {

void DiskUse::count(const struct stat& st) {
  if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 && ++seen_[st.st_ino] < st.st_nlink) return;
  bytes_ += static_cast<uint64_t>(st.st_blocks) * 512;  // inode(7): of 512 bytes whatever the filesystem
}

bool DiskUse::is_last_name(const struct stat& st) const {
  auto seen = seen_.find(st.st_ino);
  return (seen == seen_.end() ? 0 : seen->second) + 1 == st.st_nlink;
}

Result<> DiskUse::add(int dir, const std::string& name) {
  struct stat st{};
  if (fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, cat("inspect ", quote(name)));
  }
  count(st);
  if (!S_ISDIR(st.st_mode)) return {};
  TRY_ASSIGN(UniqueFd fd, open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY_ASSIGN(auto members, list_directory(fd.get(), "."));
  for (const std::string& member : members) TRY(add(fd.get(), member));
  return {};
}

}  // namespace shoji::images
