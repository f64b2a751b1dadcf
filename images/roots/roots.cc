// create, find, list, remove.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "base/io.h"
#include "images/quota/quota.h"
#include "images/roots/in_use.h"
#include "images/roots/make_root.h"
#include "images/roots/root_plan.h"
#include "images/roots/upper.h"
#include "images/store/durable.h"

namespace shoji::images {
namespace {

// Upper and work directory come with the first mount: of a thousand clones most are never started, and each directory
// is a block of the disk.
Result<> make_disk(const RootDir& dir, const RootOptions& options) {
  if (!is_limited(options)) return {};
  TRY_ASSIGN([[maybe_unused]] QuotaKind kind,
             make_limited_directory(dir.disk(), {options.quota_bytes, options.quota_inodes}));
  return {};
}

Result<> unmount_everywhere_here(const Store& store, const RootDir& dir) {
  TRY_ASSIGN(std::string source, mount_source(store, dir.name()));
  TRY_ASSIGN(std::vector<std::string> points, mount_points_of(source));
  for (const std::string& point : points | std::views::reverse)
    if (umount2(point.c_str(), UMOUNT_NOFOLLOW) != 0)
      return fail_errno(errno, cat("unmount root ", quote(dir.name()), " from ", quote(point)));
  return {};
}

// Whatever state it is in.
Result<> remove_locked(const Store& store, const RootDir& dir) {
  TRY(unmount_everywhere_here(store, dir));
  auto facts = dir.load();
  if (!facts && facts.error().kind != Kind::kNotFound) return Failure(std::move(facts).error());
  if (facts) {
    TRY_ASSIGN(bool used, upper_in_use(store, dir));
    if (used)
      return fail(Kind::kState, cat("root ", quote(dir.name()),
                                    " is mounted in another mount namespace: its partition runs"));
    TRY(dir.begin_removal());
    std::vector<std::string> ids = used_frozen(facts->root);
    ids.insert(ids.end(), facts->pending.begin(), facts->pending.end());
    for (const std::string& id : ids) TRY(drop_user(store, dir.name(), id));
  } else {
    TRY(drop_user_everywhere(store, dir.name()));
  }
  if (!facts || is_limited(facts->root.options)) TRY(remove_limited_directory(dir.disk()));
  return dir.remove();
}

// A place for a new root, empty whatever a killed verb left there.
Result<RootDir> lock_new(const Store& store, std::string_view name) {
  while (true) {
    TRY_ASSIGN(RootDir dir, RootDir::lock(store, name, RootDir::Lock::kMake));
    auto facts = dir.load();
    if (facts && !facts->removing) return fail(Kind::kExists, cat("root ", quote(name), " exists"));
    if (!facts && facts.error().kind != Kind::kNotFound) return Failure(std::move(facts).error());
    TRY_ASSIGN(auto members, list_directory(store.dir(), cat("roots/", name)));
    if (members.empty()) return dir;
    TRY(remove_locked(store, dir));  // and once more: the lock was on what is gone now
  }
}

Result<> fill(const RootDir& dir, const RootFacts& facts, const std::string& like) {
  TRY(make_disk(dir, facts.root.options));
  return like.empty() ? dir.save(facts, false) : dir.save_like(facts, like);
}

}  // namespace

Result<RootDir> make_root(const Store& store, const RootFacts& facts, const std::string& like,
                          const std::function<Result<>(RootDir&)>& before) {
  TRY(check_name("root", facts.root.name));
  TRY_ASSIGN(UniqueFd no_sweep, hold_sweeping_off(store));
  TRY(plan_root(store, facts.root, UpperUse::kUpper));  // is everything there?
  TRY_ASSIGN(RootDir dir, lock_new(store, facts.root.name));
  Result<> made = before(dir);
  if (made) made = fill(dir, facts, like);
  if (made) return dir;
  ignore(remove_locked(store, dir), "the first error counts; the next verb removes what is left");
  return Failure(std::move(made).error());
}

Result<Root> create_root(const Store& store, std::string_view name, std::string_view image_text,
                         const Image& image, const RootOptions& options) {
  TRY_ASSIGN(LayerFormat format, layer_format(store));
  RootFacts facts;
  facts.root.name = name;
  facts.root.image = image_text;
  facts.root.config = image.id();
  // Metadata that is in trusted xattrs is of no use to whoever wants user.overlay.*.
  facts.root.format = options.userxattr ? LayerFormat::kTree : format;
  facts.root.diff_ids = image.config.diff_ids;
  facts.root.options = options;
  TRY(make_root(store, facts, "", [](RootDir&) { return Result<>(); }));
  return facts.root;
}

Result<Root> find_root(const Store& store, std::string_view name) {
  TRY_ASSIGN(RootFacts facts, read_root_facts(store, std::string(name)));
  TRY_ASSIGN(std::string source, mount_source(store, name));
  TRY_ASSIGN(std::vector<std::string> points, mount_points_of(source));
  if (!points.empty()) facts.root.mounted_at = points.front();
  return facts.root;
}

Result<std::vector<Root>> list_roots(const Store& store) {
  TRY_ASSIGN(auto names, list_directory(store.dir(), "roots"));
  std::ranges::sort(names);
  TRY_ASSIGN(auto mounts, overlay_mounts());
  std::vector<Root> roots;
  for (const std::string& name : names) {
    auto facts = read_root_facts(store, name);
    // Being made or removed at this moment, or half of it left by a killed verb.
    if (!facts && facts.error().kind == Kind::kNotFound) continue;
    if (!facts) return Failure(std::move(facts).error());
    if (facts->removing) continue;
    TRY_ASSIGN(std::string source, mount_source(store, name));
    auto mount = std::ranges::find(mounts, source, &OverlayMount::source);
    if (mount != mounts.end()) facts->root.mounted_at = mount->point;
    roots.push_back(std::move(facts->root));
  }
  return roots;
}

Result<> remove_root(const Store& store, std::string_view name) {
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, name));
  return remove_locked(store, dir);
}

Result<QuotaUsage> root_usage(const Store& store, const Root& root) {
  if (!is_limited(root.options)) return QuotaUsage{};
  return quota_usage(cat(store.path(), "/roots/", root.name, "/disk"));
}

Result<> set_root_quota(const Store& store, std::string_view name, const QuotaLimits& limits) {
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, name));
  TRY_ASSIGN(RootFacts facts, settle(store, dir));
  if (!is_limited(facts.root.options))
    return fail(Kind::kState,
                cat("root ", quote(name), " was made without a limit, and cannot be given one later"));
  TRY(activate_limited_directory(dir.disk()));
  TRY(set_quota(dir.disk(), limits));
  // For clones. Without any limit left the disk is still one that can be limited.
  if (limits.bytes == 0 && limits.inodes == 0) return {};
  facts.root.options.quota_bytes = limits.bytes;
  facts.root.options.quota_inodes = limits.inodes;
  return dir.save(facts, true);
}

Result<uint64_t> clean_roots(const Store& store) {
  TRY_ASSIGN(auto names, list_directory(store.dir(), "roots"));
  uint64_t cleaned = 0;
  for (const std::string& name : names) {
    auto dir = RootDir::lock(store, name, RootDir::Lock::kTry);
    if (!dir) continue;  // somebody works on it, or it is no root
    auto facts = dir->load();
    bool unfinished = facts ? facts->removing : facts.error().kind == Kind::kNotFound;
    if (unfinished) {
      TRY(remove_locked(store, *dir));
    } else if (facts && (!facts->pending.empty() || facts->reset_upper)) {
      TRY(settle(store, *dir));
    } else {
      continue;
    }
    ++cleaned;
  }
  return cleaned;
}

}  // namespace shoji::images
