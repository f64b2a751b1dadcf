#include "images/roots/image_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "images/roots/mount_api.h"
#include "images/roots/root_plan.h"
#include "images/roots/tree_walk.h"
#include "images/roots/xattrs.h"

namespace shoji::images {
namespace {

constexpr size_t kBlock = 64 << 10;

// A composed image as its metadata: the files' contents are names of objects, which are compared instead.
Result<UniqueFd> open_for_comparison(const Store& store, const Image& image, LayerFormat format) {
  TRY_ASSIGN(OverlayPlan plan, plan_image(store, {image.id(), format, image.config.diff_ids}));
  if (format == LayerFormat::kTree) return mount_overlay(plan, {.version = kernel_version()});
  return mount_erofs(plan.bases[plan.lowers.front().base].path, kernel_version());
}

Result<size_t> read_block(int fd, char* block, off_t at, const std::string& path) {
  ssize_t n = 0;
  do {
    n = pread(fd, block, kBlock, at);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(errno, cat("read ", quote(path)));
  return static_cast<size_t>(n);
}

Result<bool> same_bytes(int before, int after, const std::string& path) {
  TRY_ASSIGN(UniqueFd first, open_below(before, path, O_RDONLY | O_NOFOLLOW));
  TRY_ASSIGN(UniqueFd second, open_below(after, path, O_RDONLY | O_NOFOLLOW));
  std::string blocks(2 * kBlock, '\0');
  for (off_t at = 0;; at += kBlock) {
    TRY_ASSIGN(size_t a, read_block(first.get(), blocks.data(), at, path));
    TRY_ASSIGN(size_t b, read_block(second.get(), blocks.data() + kBlock, at, path));
    if (a != b || memcmp(blocks.data(), blocks.data() + kBlock, a) != 0) return false;
    if (a < kBlock) return true;
  }
}

Result<std::string> link_target(int root, const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, open_below(root, path, O_PATH | O_NOFOLLOW));
  std::string target(4096, '\0');
  ssize_t n = readlinkat(fd.get(), "", target.data(), target.size());
  if (n < 0) return fail_errno(errno, cat("read link ", quote(path)));
  target.resize(static_cast<size_t>(n));
  return target;
}

using Xattrs = std::vector<std::pair<std::string, std::string>>;

Result<Xattrs> xattrs_below(int root, const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, open_below(root, path, O_PATH | O_NOFOLLOW));
  return list_opened_xattrs(fd.get());
}

bool names_object(const Xattrs& xattrs) {
  return std::ranges::any_of(xattrs,
                             [](const auto& xattr) { return xattr.first == "trusted.overlay.redirect"; });
}

Result<bool> same_file(int before, int after, LayerFormat format, const std::string& path,
                       const struct stat& a, const struct stat& b) {
  if (!same_attributes(a, b)) return false;
  TRY_ASSIGN(Xattrs first, xattrs_below(before, path));
  TRY_ASSIGN(Xattrs second, xattrs_below(after, path));
  if (first != second) return false;
  if (S_ISLNK(a.st_mode)) {
    TRY_ASSIGN(std::string one, link_target(before, path));
    TRY_ASSIGN(std::string other, link_target(after, path));
    return one == other;
  }
  if (!S_ISREG(a.st_mode)) return true;
  if (format == LayerFormat::kComposed && names_object(first)) return true;
  // Trees: both images show the file of one layer.
  if (format == LayerFormat::kTree && a.st_ino == b.st_ino && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec)
    return true;
  return same_bytes(before, after, path);
}

}  // namespace

Result<std::vector<Change>> diff_images(const Store& store, const Image& before, const Image& after,
                                        LayerFormat format) {
  TRY_ASSIGN(UniqueFd first, open_for_comparison(store, before, format));
  TRY_ASSIGN(UniqueFd second, open_for_comparison(store, after, format));
  std::vector<Change> changes;
  TreeWalk walk{.before = first.get(), .after = second.get(), .uppers = {}, .same = {}, .found = {}};
  walk.same = [&](const std::string& path, const struct stat& a, const struct stat& b) {
    return same_file(first.get(), second.get(), format, path, a, b);
  };
  walk.found = [&](const Change& change) -> Result<> {
    changes.push_back(change);
    return {};
  };
  TRY(walk.run());
  return changes;
}

}  // namespace shoji::images
