#include <algorithm>
#include <ctime>

#include "images/roots/changeset.h"
#include "images/transfer/changes.h"
#include "images/transfer/new_layer.h"
#include "images/transfer/transfer.h"
#include "images/transfer/utc.h"

namespace shoji::images {
namespace {

// The image below: by the digest of its configuration, because its name may mean another one by now.
Result<Image> image_below(const Store& store, const Root& root) {
  Result<Image> image = find_image(store, root.config.text());
  if (!image) {
    return fail(Kind::kNotFound, cat("root ", quote(root.name), " stands on ", quote(root.image), " (",
                                     root.config.text(), "), which is not in the store"));
  }
  return image;
}

// One entry for each layer (image-spec config.md, "history"), also where the image below has none.
void complete_history(ImageConfig& config) {
  auto of_layers =
      std::ranges::count_if(config.history, [](const HistoryEntry& entry) { return !entry.empty_layer; });
  for (auto i = static_cast<size_t>(of_layers); i < config.diff_ids.size(); i++)
    config.history.emplace_back();
}

}  // namespace

Result<Image> commit_root(const Store& store, std::string_view name, const CommitOptions& options,
                          Progress& progress) {
  TRY_ASSIGN(Lease lease, Lease::take(store, cat("commit ", name)));
  TRY_ASSIGN(Root root, find_root(store, name));
  TRY_ASSIGN(Image below, image_below(store, root));
  ImageConfig config = below.config;
  for (const std::string& change : options.changes) TRY(apply_change(config, change));
  for (const Descriptor& layer : below.manifest.layers) TRY(lease.hold(layer.digest));
  for (const Digest& diff_id : config.diff_ids) TRY(lease.hold(diff_id));
  progress.say(cat("committing ", name, " as ", options.name.text()));
  TRY_ASSIGN(NewLayer layer, make_layer(store, lease, kOwnCompression,
                                        [&](ByteSink& tar) { return write_changeset(store, root, tar); }));
  config.created = utc_text(source_date_epoch().value_or(time(nullptr)));
  if (!options.author.empty()) config.author = options.author;
  complete_history(config);
  config.diff_ids.push_back(layer.diff_id);
  config.history.push_back({.created = config.created,
                            .created_by = cat("shoji commit ", name),
                            .author = options.author,
                            .comment = options.message,
                            .empty_layer = false});
  NewImage image{.name = options.name,
                 .config_text = print_image_config(config),
                 .layers = {},
                 .annotations = {},
                 .source = cat("commit ", name)};
  TRY_ASSIGN(image.layers,
             oci_layers(below.manifest));  // docker's media types do not belong in an OCI manifest
  image.layers.push_back(layer.blob);
  return store_image(store, lease, image, progress);
}

}  // namespace shoji::images
