#include <algorithm>
#include <ctime>
#include <set>

#include "images/blobs/blob_writer.h"
#include "images/transfer/layer_transfer.h"
#include "images/transfer/remote_image.h"
#include "images/transfer/shared_progress.h"
#include "images/trust/policy.h"
#include "images/unpack/unpack.h"

namespace shoji::images {
namespace {

// Each blob once, whatever stands for it; the largest first, so that no thread is left alone with it at the end.
std::vector<LayerTransfer> plan_layers(const Store& store, const RemoteImage& image,
                                       std::optional<LayerFormat> unpack_as, Progress& progress,
                                       const Stop& stop) {
  std::vector<LayerTransfer> plan;
  std::set<Digest> seen;
  auto add = [&](const Descriptor& blob, const Digest& diff_id, std::optional<LayerFormat> format) {
    if (!seen.insert(blob.digest).second) return;
    plan.push_back({.store = &store,
                    .blob = blob,
                    .diff_id = diff_id,
                    .unpack_as = format,
                    .progress = &progress,
                    .stop = &stop});
  };
  for (size_t i = 0; i < image.manifest.layers.size(); i++) {
    add(image.manifest.layers[i], image.config.diff_ids[i], unpack_as);
  }
  for (const Descriptor& blob : image.other_blobs) add(blob, Digest(), std::nullopt);
  std::ranges::stable_sort(plan, std::ranges::greater(),
                           [](const LayerTransfer& layer) { return layer.blob.size; });
  return plan;
}

Result<> store_texts(const Store& store, const RemoteImage& image) {
  for (const RemoteText& text : image.texts) {
    if (find_blob(store, text.descriptor.digest)) continue;
    TRY_ASSIGN(BlobWriter writer, BlobWriter::open(store, text.descriptor.digest, text.text.size()));
    if (writer.already()) continue;
    if (writer.offset() > 0) TRY(writer.restart());  // left by somebody who was killed
    TRY(writer.write(text.text));
    TRY(writer.commit());
  }
  return {};
}

Result<> fetch(const Store& store, Repository& repository, const RemoteImage& image,
               std::optional<LayerFormat> unpack_as, Progress& progress) {
  SharedProgress shared(progress);
  Stop stop = false;
  std::vector<LayerTransfer> plan = plan_layers(store, image, unpack_as, shared, stop);
  for (const LayerTransfer& layer : plan)
    shared.layer(layer.blob.digest, TransferStage::kWaiting, 0, layer.blob.size);
  // The first job writes what is small, so that waiting for the disk is not added to the rest.
  return run_jobs(plan.size() + 1, std::max(store.config().parallel_layers, 1U) + 1, stop,
                  [&](size_t i) -> Result<> {
                    if (i == 0) return store_texts(store, image);
                    Repository own = repository.clone();
                    return fetch_layer(plan[i - 1], own);
                  });
}

Result<> hold_all(Lease& lease, const RemoteImage& image) {
  for (const Descriptor& layer : image.manifest.layers) TRY(lease.hold(layer.digest));
  for (const Digest& diff_id : image.config.diff_ids) TRY(lease.hold(diff_id));
  for (const Descriptor& blob : image.other_blobs) TRY(lease.hold(blob.digest));
  return {};
}

Result<Image> pull_from(const Store& store, const Reference& name, const PullOptions& options,
                        Progress& progress) {
  TRY_ASSIGN(Lease lease, Lease::take(store, cat("pull ", name.text())));
  TRY_ASSIGN(Repository repository, Repository::open(store.config(), name));
  TRY_ASSIGN(PolicyRule rule, policy_for(store.config(), name));
  if (rule.never || (rule.digest && name.digest.empty())) {  // refused for its name: no registry is asked
    TRY(check_policy(store.config(), name, Digest(), repository));
  }
  progress.say(cat("pulling ", name.text()));
  TRY_ASSIGN(RemoteImage remote, find_remote_image(store, repository, name, options, lease));
  TRY(check_policy(store.config(), name, remote.target.digest, repository));
  TRY(hold_all(lease, remote));
  std::optional<LayerFormat> unpack_as;
  if (options.unpack) {
    TRY_ASSIGN(unpack_as, layer_format(store));
  }
  TRY(fetch(store, repository, remote, unpack_as, progress));
  TRY(set_name(store, {.name = name,
                       .target = remote.target,
                       .source = cat("docker://", name.text()),
                       .created = time(nullptr)}));
  TRY_ASSIGN(Image image, find_image(store, name.text(), options.platform));
  if (unpack_as) TRY(prepare_image(store, image, *unpack_as));
  return image;
}

}  // namespace

Result<Image> pull(const Store& store, const Reference& name, const PullOptions& options,
                   Progress& progress) {
  TRY_ASSIGN(std::vector<Reference> candidates, resolve_short_name(store.config(), name));
  std::string missing;
  for (const Reference& candidate : candidates) {
    Result<Image> image = pull_from(store, candidate, options, progress);
    if (image) return image;
    // Only the registry's word that there is no such image leads on to the next one.
    Error error = within(cat("pull ", quote(candidate.text())), std::move(image).error());
    if (error.kind != Kind::kNotFound || candidates.size() == 1) return std::unexpected(std::move(error));
    missing += (missing.empty() ? "" : "; ") + error.text;
  }
  return fail(Kind::kNotFound, missing.empty() ? cat(quote(name.text()), " stands for no image") : missing);
}

}  // namespace shoji::images
