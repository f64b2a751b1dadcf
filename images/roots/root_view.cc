#include "images/roots/root_view.h"

#include <unistd.h>

#include "images/quota/quota.h"
#include "images/roots/mount_api.h"
#include "images/roots/root_plan.h"
#include "images/roots/upper.h"

namespace shoji::images {

Result<RootView> view_root(const Store& store, const Root& root) {
  RootView view;
  // Nobody freezes the upper while it is being mounted; afterwards the mount has what it needs.
  TRY_ASSIGN(RootDir dir, RootDir::lock(store, root.name));
  TRY_ASSIGN(RootFacts facts, settle(store, dir));
  if (is_limited(facts.root.options)) TRY(activate_limited_directory(dir.disk()));
  OverlayHost host{.version = kernel_version()};
  TRY_ASSIGN(OverlayPlan image, plan_image(store, image_layers(facts.root)));
  TRY_ASSIGN(view.image, mount_overlay(image, host));
  TRY_ASSIGN(OverlayPlan plan, plan_root(store, facts.root, UpperUse::kLowerLayer));
  TRY_ASSIGN(view.root, mount_overlay(plan, host));
  if (!facts.root.options.read_only && access(dir.disk("upper").c_str(), F_OK) == 0)
    view.uppers.push_back(dir.disk("upper"));
  for (const std::string& id : facts.root.frozen)
    view.uppers.push_back(cat(store.path(), "/", frozen_path(root.name, id)));
  return view;
}

Result<> walk_changes(const RootView& view, const std::function<Result<>(const Change&)>& found) {
  if (view.uppers.empty()) return {};  // nothing was ever written
  TreeWalk walk{.before = view.image.get(),
                .after = view.root.get(),
                .uppers = view.uppers,
                .same = {},
                .found = found};
  walk.same = [](const std::string&, const struct stat& before, const struct stat& after) -> Result<bool> {
    return same_attributes(before, after);
  };
  return walk.run();
}

Result<std::vector<Change>> diff_root(const Store& store, const Root& root) {
  TRY_ASSIGN(RootView view, view_root(store, root));
  std::vector<Change> changes;
  TRY(walk_changes(view, [&](const Change& change) -> Result<> {
    changes.push_back(change);
    return {};
  }));
  return changes;
}

}  // namespace shoji::images
