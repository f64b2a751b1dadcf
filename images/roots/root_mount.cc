// open, mount, unmount.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <ranges>

#include "base/io.h"
#include "images/quota/quota.h"
#include "images/roots/helper_process.h"
#include "images/roots/in_use.h"
#include "images/roots/mount_api.h"
#include "images/roots/root_plan.h"
#include "images/roots/upper.h"

namespace shoji::images {
namespace {

// What is being unmounted by a dying namespace still counts as used for a moment.
constexpr int kTries = 10;
constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 10'000'000};

// What the first id inside, mostly root's, is outside.
int64_t first_outside(const std::vector<IdRange>& ranges) {
  auto first = std::ranges::min_element(ranges, {}, &IdRange::inside);
  return first == ranges.end() ? -1 : static_cast<int64_t>(first->outside);
}

Result<UniqueFd> mount_plan(const OverlayPlan& plan, const MountOptions& options) {
  OverlayHost host{.version = kernel_version(), .force_legacy = options.force_legacy};
  UniqueFd user_namespace;
  if (options.uids.empty() != options.gids.empty())
    return fail(Kind::kInvalid,
                cat("map the ids of ", plan.name, ": users and groups are mapped together or not at all"));
  if (!options.uids.empty()) {
    auto made = user_namespace_of(options.uids, options.gids);
    if (!made) return Failure(within(cat("map the ids of ", plan.name), std::move(made).error()));
    user_namespace = std::move(*made);
    host.user_namespace = user_namespace.get();
    host.mapped_uid = first_outside(options.uids);
    host.mapped_gid = first_outside(options.gids);
  }
  return mount_overlay(plan, host);
}

Result<> refuse_second_mount(const Store& store, const RootDir& dir) {
  for (int i = 0; i < kTries; ++i) {
    TRY_ASSIGN(bool used, upper_in_use(store, dir));
    if (!used) return {};
    nanosleep(&kPause, nullptr);
  }
  return fail(Kind::kState, cat("root ", quote(dir.name()), " is mounted already, here or by its partition"));
}

Result<UniqueFd> open_locked(const Store& store, const RootDir& dir, const Root& root,
                             const MountOptions& options) {
  if (is_limited(root.options)) TRY(activate_limited_directory(dir.disk()));
  if (!root.options.read_only) {
    TRY(refuse_second_mount(store, dir));
    // Nobody unmounted it: the power went, or a partition's last process took the mount with it.
    if (root.options.volatile_upper && was_ever_mounted(dir.disk())) TRY(replace_upper(store, dir));
    TRY(make_upper(dir));
  }
  TRY_ASSIGN(OverlayPlan plan, plan_root(store, root, UpperUse::kUpper));
  return mount_plan(plan, options);
}

}  // namespace

Result<UniqueFd> open_image(const Store& store, const Image& image, LayerFormat format,
                            const MountOptions& options) {
  TRY_ASSIGN(OverlayPlan plan, plan_image(store, {image.id(), format, image.config.diff_ids}));
  return mount_plan(plan, options);
}

Result<UniqueFd> open_root(const Store& store, const Root& root, const MountOptions& options) {
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, root.name));
  TRY_ASSIGN(RootFacts facts, settle(store, dir));
  return open_locked(store, dir, facts.root, options);
}

Result<> mount_root(const Store& store, const Root& root, const std::string& target,
                    const MountOptions& options) {
  std::string place = target;
  if (place.empty()) {
    place = cat(store.path(), "/roots/", root.name, "/merged");
    TRY(make_directories(place, 0755));
  }
  TRY_ASSIGN(UniqueFd mount, open_root(store, root, options));
  auto attached = attach_mount(mount.get(), place);
  if (!attached) return Failure(within(cat("root ", quote(root.name)), std::move(attached).error()));
  return {};
}

Result<> unmount_root(const Store& store, const Root& root) {
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, root.name));
  TRY_ASSIGN(std::string source, mount_source(store, root.name));
  TRY_ASSIGN(std::vector<std::string> points, mount_points_of(source));
  if (points.empty()) return fail(Kind::kState, cat("root ", quote(root.name), " is not mounted here"));
  for (const std::string& point : points | std::views::reverse) {
    if (umount2(point.c_str(), UMOUNT_NOFOLLOW) != 0)
      return fail_errno(errno, cat("unmount root ", quote(root.name), " from ", quote(point)));
  }
  TRY_ASSIGN(RootFacts facts, settle(store, dir));
  const RootOptions& options = facts.root.options;
  if (options.read_only || (!options.volatile_upper && !is_limited(options))) return {};
  TRY_ASSIGN(bool used, upper_in_use(store, dir));
  if (used) return {};
  if (options.volatile_upper) TRY(replace_upper(store, dir));
  return is_limited(options) ? deactivate_limited_directory(dir.disk()) : Result<>();
}

}  // namespace shoji::images
