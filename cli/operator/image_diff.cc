// The differences of two images, found by walking both of them, mounted where nobody sees it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <memory>

#include "base/io.h"
#include "cli/operator/ready_image.h"
#include "cli/operator/verbs.h"
#include "cli/table.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

namespace {

Field kind_of(const images::Change& change) {
  return {std::string(1, static_cast<char>(change.kind))};
}
Field path_of(const images::Change& change) {
  return {change.path};
}
constexpr Column kColumns[] = {
    column<kind_of>("kind", "A added, C modified, D deleted"),
    column<path_of>("path", "absolute, in the image"),
};

struct ImageDiffOptions : ListOptions {
  bool checksum = false;
  ImageDiffOptions() { no_heading = true; }
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const { return check_list(kColumns); }
};
constexpr auto kOptions = list_options<ImageDiffOptions>(std::array{option<&ImageDiffOptions::checksum>(
    "checksum", 0, "compare contents also where size and time are equal")});

// Names in a directory, sorted, with what lstat(2) says.
using Entries = std::map<std::string, struct stat>;

class Comparison {
 public:
  explicit Comparison(bool checksum) : checksum_(checksum) {}
  std::vector<images::Change> changes;

  // `old_dir` or `new_dir` -1: it is not there on that side.
  Result<> compare(int old_dir, int new_dir, const std::string& path) {
    TRY_ASSIGN(Entries old_entries, entries_of(old_dir));
    TRY_ASSIGN(Entries new_entries, entries_of(new_dir));
    auto left = old_entries.begin();
    auto right = new_entries.begin();
    while (left != old_entries.end() || right != new_entries.end()) {
      bool old_only = right == new_entries.end() || (left != old_entries.end() && left->first < right->first);
      bool new_only = left == old_entries.end() || (right != new_entries.end() && right->first < left->first);
      std::string name = cat(path, "/", old_only ? left->first : right->first);
      if (old_only) {
        changes.push_back({images::ChangeKind::kDeleted, name});
        ++left;
      } else if (new_only) {
        changes.push_back({images::ChangeKind::kAdded, name});
        if (S_ISDIR(right->second.st_mode)) TRY(descend(-1, new_dir, right->first, name));
        ++right;
      } else {
        TRY(compare_both(old_dir, left->second, new_dir, right->second, left->first, name));
        ++left, ++right;
      }
    }
    return {};
  }

 private:
  static Result<Entries> entries_of(int dir) {
    Entries entries;
    if (dir < 0) return entries;
    TRY_ASSIGN(UniqueFd copy, open_at(dir, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(copy.get()), closedir);
    if (stream == nullptr) return fail_errno(errno, "fdopendir");
    static_cast<void>(copy.release());  // the stream has it now
    while (const dirent* entry = readdir(stream.get())) {
      std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat status{};
      if (fstatat(dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(errno, cat("stat ", quote(name)));
      entries.emplace(name, status);
    }
    return entries;
  }

  Result<> descend(int old_dir, int new_dir, const std::string& name, const std::string& path) {
    UniqueFd left, right;
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    if (old_dir >= 0) {
      TRY_ASSIGN(left, open_at(old_dir, name, kFlags));
    }
    if (new_dir >= 0) {
      TRY_ASSIGN(right, open_at(new_dir, name, kFlags));
    }
    return compare(left ? left.get() : -1, right ? right.get() : -1, path);
  }

  Result<> compare_both(int old_dir, const struct stat& old_stat, int new_dir, const struct stat& new_stat,
                        const std::string& name, const std::string& path) {
    bool directory = S_ISDIR(old_stat.st_mode) && S_ISDIR(new_stat.st_mode);
    TRY_ASSIGN(bool same, is_same(old_dir, old_stat, new_dir, new_stat, name));
    if (!same) changes.push_back({images::ChangeKind::kModified, path});
    if (directory) return descend(old_dir, new_dir, name, path);
    if (S_ISDIR(new_stat.st_mode)) return descend(-1, new_dir, name, path);
    return {};
  }

  Result<bool> is_same(int old_dir, const struct stat& a, int new_dir, const struct stat& b,
                       const std::string& name) const {
    if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid) return false;
    if (S_ISDIR(a.st_mode)) return true;
    if (S_ISCHR(a.st_mode) || S_ISBLK(a.st_mode)) return a.st_rdev == b.st_rdev;
    if (S_ISLNK(a.st_mode)) return target_of(old_dir, name) == target_of(new_dir, name);
    if (!S_ISREG(a.st_mode)) return true;
    if (a.st_size != b.st_size) return false;
    bool same_time = a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
    return same_time && !checksum_ ? Result<bool>(true) : same_content(old_dir, new_dir, name);
  }

  static std::string target_of(int dir, const std::string& name) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(dir, name.c_str(), target, sizeof target);
    return {target, size > 0 ? static_cast<size_t>(size) : 0};
  }

  static Result<bool> same_content(int old_dir, int new_dir, const std::string& name) {
    TRY_ASSIGN(UniqueFd left, open_at(old_dir, name, O_RDONLY | O_NOFOLLOW));
    TRY_ASSIGN(UniqueFd right, open_at(new_dir, name, O_RDONLY | O_NOFOLLOW));
    constexpr size_t kPiece = 256 << 10;
    std::string a(kPiece, '\0'), b(kPiece, '\0');
    for (off_t at = 0;;) {
      ssize_t n = pread(left.get(), a.data(), kPiece, at);
      if (n < 0) return fail_errno(errno, cat("read ", quote(name)));
      ssize_t m = pread(right.get(), b.data(), static_cast<size_t>(n == 0 ? 1 : n), at);
      if (m < 0) return fail_errno(errno, cat("read ", quote(name)));
      if (n != m || a.compare(0, static_cast<size_t>(n), b, 0, static_cast<size_t>(m)) != 0) return false;
      if (n == 0) return true;
      at += n;
    }
  }

  bool checksum_;
};

Result<int> image_diff(const Globals& globals, ImageDiffOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store store, open_store(globals, images::Store::Access::kWrite));
  UniqueFd mounts[2];
  for (size_t i = 0; i < 2; ++i) {
    TRY_ASSIGN(ReadyImage ready, ready_image(globals, store, arguments[i], PullPolicy::kNever));
    if (!ready.image) return ready.exit_code;
    TRY_ASSIGN(mounts[i], images::open_image(store, *ready.image, ready.format, {}));
  }
  Comparison comparison(options.checksum);
  TRY(comparison.compare(mounts[0].get(), mounts[1].get(), ""));
  TRY(print(listing(kColumns, options, comparison.changes)));
  return kExitOk;
}

}  // namespace

constinit const Verb image_diff_verb = {
    .name = "diff",
    .arguments = "<image> <image>",
    .summary = "list what a second image has other than a first one",
    .description =
        "   A added, C modified, D deleted. Files of equal size and time are taken as equal, as rsync does.\n"
        "   Fields: kind, path; --no-heading=false shows the headings.",
    .options = kOptions,
    .min_arguments = 2,
    .max_arguments = 2,
    .candidates = kImageNames,
    .run = parse_and_run<ImageDiffOptions, image_diff>,
};

}  // namespace shoji::cli::op
