#include "images/quota/quota.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/io.h"
#include "base/path.h"
#include "base/rollback.h"
#include "images/quota/btrfs_quota.h"
#include "images/quota/ext4_image.h"
#include "images/quota/loop_image.h"
#include "images/quota/project_quota.h"

namespace shoji::images {

namespace {

struct Split {
  std::string parent, name;
};

Split split(const std::string& directory) {
  const size_t slash = directory.rfind('/');
  if (slash == std::string::npos) return {".", directory};
  return {slash == 0 ? "/" : directory.substr(0, slash), directory.substr(slash + 1)};
}

std::string without_slash(std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// What holds the limit of a directory: it is told by the directory itself, nothing is written down elsewhere.
struct Limited {
  QuotaKind kind = QuotaKind::kNone;
  UniqueFd fd;  // but for kLoop
};

Result<Limited> find_limited(const std::string& directory) {
  if (has_image(directory)) return Limited{.kind = QuotaKind::kLoop, .fd = {}};
  Limited found;
  TRY_ASSIGN(found.fd, open_file(directory, kDirectory));
  if (is_subvolume(found.fd.get())) {
    found.kind = QuotaKind::kBtrfs;
  } else if (uint32_t project = project_of(found.fd.get()); project != 0) {
    // A directory inside a project has its number without being its top.
    TRY_ASSIGN(UniqueFd parent, open_file(split(directory).parent, O_RDONLY | O_DIRECTORY));
    if (project_of(parent.get()) != project) found.kind = QuotaKind::kProject;
  }
  return found;
}

Result<QuotaUsage> usage_of(const std::string& directory, const Limited& limited) {
  switch (limited.kind) {
    case QuotaKind::kLoop:
      return usage_of_image(directory);
    case QuotaKind::kBtrfs:
      return subvolume_usage(limited.fd.get(), directory);
    case QuotaKind::kProject:
      return project_usage(limited.fd.get(), directory);
    case QuotaKind::kNone:
      break;
  }
  return QuotaUsage{};
}

Result<> make_in_project(const std::string& directory, const QuotaLimits& limits) {
  if (mkdir(directory.c_str(), 0755) != 0)
    return fail_errno(errno, cat("create directory ", quote(directory)));
  TRY_ASSIGN(UniqueFd fd, open_file(directory, kDirectory));
  return make_project(fd.get(), directory, limits);
}

Result<> make_on_btrfs(const std::string& directory, const QuotaLimits& limits) {
  auto [parent, name] = split(directory);
  TRY_ASSIGN(UniqueFd at, open_file(parent, O_RDONLY | O_DIRECTORY));
  TRY(make_subvolume(at.get(), name));
  TRY_ASSIGN(UniqueFd fd, open_at(at.get(), name, kDirectory));
  if (fchmod(fd.get(), 0755) != 0) return fail_errno(errno, cat("change the mode of ", quote(directory)));
  return set_subvolume_limit(fd.get(), directory, limits.bytes);
}

Failure no_way(const std::string& directory) {
  return fail(Kind::kUnsupported, cat("limit ", quote(directory),
                                      ": its filesystem has no project quota (mount option prjquota) and no "
                                      "btrfs quota groups, and for an "
                                      "image /dev/loop-control and mkfs.ext4 are needed"));
}

// A figure that a limit would be below of.
Result<> check_above(const std::string& directory, std::string_view unit, uint64_t limit, uint64_t used) {
  if (limit == 0 || limit >= used) return {};
  return fail(Kind::kState, cat("limit ", quote(directory), " to ", limit, ' ', unit, ": it holds ", used));
}

}  // namespace

std::string_view quota_kind_name(QuotaKind kind) {
  switch (kind) {
    case QuotaKind::kNone:
      return "none";
    case QuotaKind::kProject:
      return "project";
    case QuotaKind::kBtrfs:
      return "btrfs";
    case QuotaKind::kLoop:
      return "loop";
  }
  return "none";
}

Result<QuotaKind> quota_kind(const std::string& directory) {
  std::string there = without_slash(directory);
  while (there != "/" && there != "." && access(there.c_str(), F_OK) != 0) there = split(there).parent;
  TRY_ASSIGN(UniqueFd fd, open_file(there, O_RDONLY | O_DIRECTORY));
  if (btrfs_quota_on(fd.get())) return QuotaKind::kBtrfs;
  if (project_quota_on(fd.get())) return QuotaKind::kProject;
  return loop_devices_there() && mkfs_there() ? QuotaKind::kLoop : QuotaKind::kNone;
}

Result<QuotaKind> make_limited_directory(const std::string& path, const QuotaLimits& limits) {
  const std::string directory = without_slash(path);
  struct stat st{};
  if (lstat(directory.c_str(), &st) == 0)
    return fail_errno(EEXIST, cat("create directory ", quote(directory)));
  TRY_ASSIGN(QuotaKind kind, quota_kind(split(directory).parent));
  // btrfs counts no inodes.
  if (kind == QuotaKind::kBtrfs && limits.inodes != 0)
    kind = loop_devices_there() && mkfs_there() ? QuotaKind::kLoop : QuotaKind::kNone;
  if (kind == QuotaKind::kNone) return no_way(directory);
  Rollback rollback;
  rollback.add([&] { ignore(remove_limited_directory(directory), "the first error counts"); });
  switch (kind) {
    case QuotaKind::kProject:
      TRY(make_in_project(directory, limits));
      break;
    case QuotaKind::kBtrfs:
      TRY(make_on_btrfs(directory, limits));
      break;
    default:
      TRY(make_image(directory, limits));
      break;
  }
  rollback.commit();
  return kind;
}

Result<> activate_limited_directory(const std::string& path) {
  const std::string directory = without_slash(path);
  TRY_ASSIGN(Limited limited, find_limited(directory));
  return limited.kind == QuotaKind::kLoop ? activate_image(directory) : Result<>{};
}

Result<> deactivate_limited_directory(const std::string& path) {
  const std::string directory = without_slash(path);
  return has_image(directory) ? deactivate_image(directory) : Result<>{};
}

Result<> set_quota(const std::string& path, const QuotaLimits& limits) {
  const std::string directory = without_slash(path);
  TRY_ASSIGN(Limited limited, find_limited(directory));
  if (limited.kind == QuotaKind::kNone)
    return fail(Kind::kUnsupported, cat("limit ", quote(directory), ": it was made without a limit"));
  if (limited.kind == QuotaKind::kBtrfs && limits.inodes != 0)
    return fail(Kind::kUnsupported,
                cat("limit ", quote(directory), " to ", limits.inodes, " inodes: btrfs counts bytes only"));
  Rollback after;
  if (limited.kind == QuotaKind::kLoop) {
    TRY_ASSIGN(bool mounted, image_mounted(directory));
    TRY(activate_image(directory));
    if (!mounted) after.add([&] { ignore(deactivate_image(directory), "somebody may use it by now"); });
  }
  // Only what is on its way to the disk is counted for sure.
  if (limited.kind == QuotaKind::kBtrfs && syscall(SYS_syncfs, limited.fd.get()) != 0)
    return fail_errno(errno, cat("write out ", quote(directory)));
  TRY_ASSIGN(QuotaUsage usage, usage_of(directory, limited));
  TRY(check_above(directory, "bytes", limits.bytes, usage.bytes));
  TRY(check_above(directory, "inodes", limits.inodes, usage.inodes));
  switch (limited.kind) {
    case QuotaKind::kLoop:
      return set_image_limits(directory, limits);
    case QuotaKind::kBtrfs:
      return set_subvolume_limit(limited.fd.get(), directory, limits.bytes);
    default:
      return set_project_limits(limited.fd.get(), directory, limits);
  }
}

Result<QuotaUsage> quota_usage(const std::string& path) {
  const std::string directory = without_slash(path);
  TRY_ASSIGN(Limited limited, find_limited(directory));
  return usage_of(directory, limited);
}

Result<> remove_limited_directory(const std::string& path) {
  const std::string directory = without_slash(path);
  auto limited = find_limited(directory);
  if (!limited && limited.error().kind == Kind::kNotFound) return {};
  if (!limited) return std::unexpected(std::move(limited).error());
  if (limited->kind == QuotaKind::kLoop) return remove_image(directory);
  // The limits go first: as long as the directory is there, its number is known.
  if (limited->kind == QuotaKind::kProject) TRY(set_project_limits(limited->fd.get(), directory, {}));
  if (limited->kind != QuotaKind::kBtrfs) return remove_tree(directory);
  limited->fd.reset();
  auto [parent, name] = split(directory);
  TRY_ASSIGN(UniqueFd at, open_file(parent, O_RDONLY | O_DIRECTORY));
  return remove_subvolume(at.get(), name);
}

}  // namespace shoji::images
