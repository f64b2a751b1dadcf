#pragma once
// A root and its image side by side, read-only and attached nowhere, for looking at what the root changed. The root may
// be in use meanwhile.
#include "images/roots/root_dir.h"
#include "images/roots/tree_walk.h"

namespace shoji::images {

struct RootView {
  UniqueFd image, root;
  std::vector<std::string> uppers;  // paths: the upper, and what is frozen
};
Result<RootView> view_root(const Store& store, const Root& root);
// Calls `found` for every change, in path order.
Result<> walk_changes(const RootView& view, const std::function<Result<>(const Change&)>& found);

}  // namespace shoji::images
