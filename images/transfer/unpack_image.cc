#include "images/transfer/unpack_image.h"

#include <algorithm>
#include <set>

#include "images/transfer/layer_transfer.h"
#include "images/transfer/shared_progress.h"
#include "images/unpack/unpack.h"

namespace shoji::images {
namespace {

Result<> unpack_layers(const Store& store, const Image& image, LayerFormat format, Progress& progress) {
  SharedProgress shared(progress);
  Stop stop = false;
  std::vector<LayerTransfer> plan;
  std::set<Digest> seen;
  for (size_t i = 0; i < image.manifest.layers.size(); i++) {
    if (!seen.insert(image.config.diff_ids[i]).second) continue;
    plan.push_back({.store = &store,
                    .blob = image.manifest.layers[i],
                    .diff_id = image.config.diff_ids[i],
                    .unpack_as = format,
                    .progress = &shared,
                    .stop = &stop});
  }
  std::ranges::stable_sort(plan, std::ranges::greater(),
                           [](const LayerTransfer& layer) { return layer.blob.size; });
  return run_jobs(plan.size(), std::max(store.config().parallel_layers, 1U), stop,
                  [&](size_t i) { return unpack_blob(plan[i]); });
}

}  // namespace

Result<Image> name_image(const Store& store, Lease& lease, const NamedImage& named, Progress& progress) {
  TRY_ASSIGN(Image image, find_image(store, named.target.digest.text()));
  for (const Digest& diff_id : image.config.diff_ids) TRY(lease.hold(diff_id));
  for (const Descriptor& layer : image.manifest.layers) {
    TRY(layer_compression(layer.media_type));  // refuses those that lie elsewhere
    TRY(lease.hold(layer.digest));
    if (!find_blob(store, layer.digest))
      return fail(Kind::kInvalid, cat("layer ", layer.digest.text(), " is missing"));
  }
  TRY_ASSIGN(LayerFormat format, layer_format(store));
  TRY(unpack_layers(store, image, format, progress));
  TRY(set_name(store, named));
  TRY(prepare_image(store, image, format));
  return find_image(store, named.name.text());
}

}  // namespace shoji::images
