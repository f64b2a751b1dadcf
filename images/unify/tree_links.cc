#include "images/unify/tree_links.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "base/path.h"

namespace shoji::images {

namespace {

constexpr const char* kNew = "replacement";

std::string common_name(const std::string& key) {
  return cat(key.substr(0, 2), '/', key);
}

}  // namespace

std::string parent_path(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

Result<TreeLinks> TreeLinks::open(const Store& store, const Digest& diff_id, int scratch) {
  TRY_ASSIGN(UniqueFd tree, open_at(store.dir(), cat("layers/", diff_id.file_name(), "/tree"),
                                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY_ASSIGN(UniqueFd files, open_at(store.dir(), "unify/files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return TreeLinks(scratch, std::move(tree), std::move(files));
}

// A layer's symbolic links are its author's: none is followed.
Result<UniqueFd> TreeLinks::directory(const std::string& path) const {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  const char* name = path.empty() ? "." : path.c_str();
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, tree_.get(), name, &how, sizeof how)));
  if (!fd) return fail_errno(errno, cat("open directory ", quote(path), " of a layer"));
  return fd;
}

Result<FileLook> TreeLinks::common(const std::string& key) const {
  return look_at_file(files_.get(), common_name(key));
}

Result<> TreeLinks::replace(int dir, const std::string& name, const std::string& path) const {
  if (renameat(scratch_, kNew, dir, name.c_str()) != 0)
    return fail_errno(errno, cat("replace ", quote(path), " of a layer"));
  return {};
}

Result<bool> TreeLinks::is_common(int dir, const std::string& name, const std::string& key) const {
  TRY_ASSIGN(FileLook own, look_at_file(dir, name));
  TRY_ASSIGN(FileLook there, common(key));
  return are_equal(there, own);
}

Result<> TreeLinks::link_one(const LayerRecord::File& file, bool compared, Unified& counts) {
  TRY_ASSIGN(UniqueFd dir, directory(parent_path(file.path)));
  std::string name(base_name(file.path)), common_path = common_name(file.key);
  struct stat own{}, there{};
  if (fstatat(dir.get(), name.c_str(), &own, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, cat("inspect ", quote(file.path), " of a layer"));
  if (fstatat(files_.get(), common_path.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (there.st_ino == own.st_ino) return {};
    TRY_ASSIGN(bool equal, compared ? Result<bool>(true) : is_common(dir.get(), name, file.key));
    if (!equal) return {};
    unlinkat(scratch_, kNew, 0);
    if (linkat(files_.get(), common_path.c_str(), scratch_, kNew, 0) == 0) {
      TRY(replace(dir.get(), name, file.path));
      ++counts.linked;
      counts.bytes += static_cast<uint64_t>(own.st_blocks) * 512;
      return {};
    }
    if (errno != EMLINK && errno != ENOENT) return fail_errno(errno, cat("link ", quote(common_path)));
    // As many names as an inode can have (ext4: 65,000): this file is the next one's common one.
    unlinkat(files_.get(), common_path.c_str(), 0);
  }
  if (mkdirat(files_.get(), file.key.substr(0, 2).c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, cat("create directory for ", quote(common_path)));
  if (linkat(dir.get(), name.c_str(), files_.get(), common_path.c_str(), 0) != 0 && errno != EEXIST &&
      errno != EMLINK)
    return fail_errno(errno, cat("link ", quote(common_path)));
  return {};
}

Result<> TreeLinks::restore_times(const LayerRecord& record) {
  for (const auto& entry : record.directories) {
    TRY_ASSIGN(UniqueFd dir, directory(entry.path));
    timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = entry.mtime;
    times[1].tv_nsec = entry.mtime_ns;
    if (futimens(dir.get(), times) != 0)
      return fail_errno(errno, cat("set times of directory ", quote(entry.path), " of a layer"));
  }
  return {};
}

Result<> TreeLinks::link_all(const LayerRecord& record, bool compared, Unified& counts) {
  for (const auto& file : record.files) TRY(link_one(file, compared, counts));
  return restore_times(record);
}

Result<> TreeLinks::separate(const std::string& path) {
  TRY_ASSIGN(UniqueFd dir, directory(parent_path(path)));
  std::string name(base_name(path));
  TRY_ASSIGN(FileLook own, look_at_file(dir.get(), name));
  if (own.st.st_nlink == 1) return {};
  unlinkat(scratch_, kNew, 0);
  TRY(copy_file(own, scratch_, kNew));
  return replace(dir.get(), name, path);
}

}  // namespace shoji::images
