#include "images/roots/root_plan.h"

#include <unistd.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "base/path.h"
#include "images/roots/in_use.h"

namespace shoji::images {
namespace {

size_t base_of(OverlayPlan& plan, LayerBase base) {
  for (size_t i = 0; i < plan.bases.size(); ++i)
    if (plan.bases[i].type == base.type && plan.bases[i].path == base.path &&
        plan.bases[i].mapped == base.mapped)
      return i;
  plan.bases.push_back(std::move(base));
  return plan.bases.size() - 1;
}

size_t directory_base(OverlayPlan& plan, const std::string& path) {
  return base_of(plan, {.path = path});
}

Result<> add_trees(const Store& store, const ImageLayers& image, OverlayPlan& plan) {
  std::set<Digest> seen;
  for (const Digest& diff_id : image.diff_ids | std::views::reverse) {
    // The same directory twice is ELOOP (ovl_setup_trap() of fs/overlayfs/super.c). Images have layers twice, empty ones
    // mostly. Whatever a lower copy holds, the upper one holds as well, above all that is between them.
    if (!seen.insert(diff_id).second) continue;
    TRY_ASSIGN(std::string path, find_layer(store, diff_id, LayerFormat::kTree));
    for (const std::string& store_path : store.paths()) {
      if (!is_at_or_below_path(path, store_path)) continue;
      plan.lowers.push_back({directory_base(plan, store_path), path.substr(store_path.size() + 1) + "/tree"});
      break;
    }
  }
  return {};
}

// Contents are looked for in every store: an image of a shared store may have them there, in ours, or in both. They are
// not id-mapped: overlayfs takes nothing from them but bytes, and opens them as whoever mounted.
Result<> add_composed(const Store& store, const ImageLayers& image, OverlayPlan& plan) {
  std::string name = image.config.file_name();
  auto found = std::ranges::find_if(store.paths(), [&](const std::string& path) {
    return access(cat(path, "/composed/", name).c_str(), R_OK) == 0;
  });
  if (found == store.paths().end())
    return fail(Kind::kNotFound, cat("image ", image.config.short_text(), " is not prepared: there is no ",
                                     quote(cat(store.path(), "/composed/", name))));
  plan.lowers.push_back(
      {base_of(plan, {.type = LayerBase::Type::kErofsFile, .path = cat(*found, "/composed/", name)}), ""});
  for (const std::string& path : store.paths())
    if (access(cat(path, "/objects").c_str(), F_OK) == 0)
      plan.data.push_back({base_of(plan, {.path = path, .mapped = false}), "objects"});
  plan.metacopy = true;
  return {};
}

}  // namespace

ImageLayers image_layers(const Root& root) {
  return {root.config, root.format, root.diff_ids};
}

Result<> add_image(const Store& store, const ImageLayers& image, OverlayPlan& plan) {
  if (image.format == LayerFormat::kTree) {
    TRY(add_trees(store, image, plan));
  } else {
    TRY(add_composed(store, image, plan));
  }
  // Overlayfs wants two layers when there is no upper; and an image may have none at all ("FROM scratch").
  size_t layers = plan.lowers.size() + plan.data.size();
  if (layers == 0 && !plan.has_upper)
    return fail(Kind::kInvalid, cat(plan.name, ": an image without layers has nothing to look at"));
  if (layers == 0 || (layers == 1 && !plan.has_upper))
    plan.lowers.push_back({base_of(plan, {.type = LayerBase::Type::kEmpty, .path = ""}), ""});
  // Somewhere to mount on in a helper's namespace.
  directory_base(plan, store.path());
  return {};
}

Result<OverlayPlan> plan_image(const Store& store, const ImageLayers& image) {
  OverlayPlan plan;
  plan.name = cat("image ", image.config.short_text());
  plan.source = cat("shoji-image:", image.config.short_text());
  TRY(add_image(store, image, plan));
  return plan;
}

Result<OverlayPlan> plan_root(const Store& store, const Root& root, UpperUse use) {
  OverlayPlan plan;
  plan.name = cat("root ", quote(root.name));
  TRY_ASSIGN(plan.source, mount_source(store, root.name));
  plan.userxattr = root.options.userxattr;
  if (plan.userxattr && root.format == LayerFormat::kComposed)
    return fail(Kind::kUnsupported, cat(plan.name,
                                        ": userxattr needs layers of format tree; those of this image are "
                                        "composed, whose metadata is in trusted xattrs"));
  std::string disk = cat(store.path(), "/roots/", root.name, "/disk");
  bool limited = is_limited(root.options);
  // What a loop image or a subvolume holds is another filesystem: a mount of the store's root does not show it.
  size_t base = directory_base(plan, limited ? disk : store.path());
  std::string below = limited ? "" : cat("roots/", root.name, "/disk/");
  if (!root.options.read_only && use == UpperUse::kUpper) {
    plan.has_upper = true;
    plan.upper = {base, below + "upper"};
    plan.work = {base, below + "work"};
    plan.no_sync = root.options.volatile_upper;
    plan.fresh_upper = !was_ever_mounted(disk);
  } else if (!root.options.read_only && access(cat(disk, "/upper").c_str(), F_OK) == 0) {
    plan.lowers.push_back({base, below + "upper"});
  }
  for (const std::string& id : root.frozen | std::views::reverse) {
    std::string path = frozen_path(root.name, id);
    if (is_private_frozen(id)) {
      plan.lowers.push_back({directory_base(plan, disk), cat("frozen/", id, "/tree")});
    } else {
      plan.lowers.push_back({directory_base(plan, store.path()), path});
    }
  }
  TRY(add_image(store, image_layers(root), plan));
  return plan;
}

}  // namespace shoji::images
