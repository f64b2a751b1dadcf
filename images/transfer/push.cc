#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/io.h"
#include "images/transfer/closure.h"
#include "images/transfer/jobs.h"
#include "images/transfer/new_layer.h"
#include "images/transfer/shared_progress.h"
#include "images/transfer/streams.h"
#include "images/transfer/transfer.h"
#include "images/trust/policy.h"

namespace shoji::images {
namespace {

constexpr size_t kMountTries = 3;  // repositories that are asked to lend a blob

// Repositories of the same registry that a blob came from or went to, by what is known here.
using Lenders = std::map<Digest, std::vector<std::string>>;

void add_lender(const Store& store, const NamedImage& image, const Reference& from, const Reference& to,
                Lenders& lenders) {
  if (from.registry != to.registry || from.repository == to.repository) return;
  Result<Image> found = find_image(store, image.name.text());
  if (!found) return;  // it only would have saved work
  for (const Descriptor& layer : found->manifest.layers) {
    std::vector<std::string>& known = lenders[layer.digest];
    if (known.size() < kMountTries && std::ranges::find(known, from.repository) == known.end()) {
      known.push_back(from.repository);
    }
  }
}

Result<Lenders> find_lenders(const Store& store, const Reference& to) {
  Lenders lenders;
  TRY_ASSIGN(std::vector<NamedImage> names, list_names(store));
  constexpr std::string_view kScheme = "docker://";
  for (const NamedImage& image : names) {
    add_lender(store, image, image.name, to, lenders);
    if (!image.source.starts_with(kScheme)) continue;
    Result<Reference> source = parse_reference(std::string_view(image.source).substr(kScheme.size()));
    if (source) add_lender(store, image, *source, to, lenders);
  }
  return lenders;
}

struct BlobPush {
  const Store* store;
  Descriptor blob;
  std::vector<std::string> lenders;
  Progress* progress;
  const Stop* stop;
};

Result<> upload(const BlobPush& push, Repository& repository) {
  TRY_ASSIGN(std::string path, find_blob(*push.store, push.blob.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource bytes(file.get(), path);
  LayerMeter meter(*push.progress, push.blob.digest, TransferStage::kUploading, push.blob.size);
  meter.start();
  auto provide = [&](std::span<char> into) -> Result<size_t> {
    if (*push.stop) return std::unexpected(stopped_error());
    TRY_ASSIGN(size_t size, bytes.read(into));
    meter.add(size);
    return size;
  };
  auto rewind = [&]() -> Result<> {
    if (lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno(errno, cat("rewind ", quote(path)));
    meter.restart();
    return {};
  };
  return repository.upload_blob(push.blob, provide, rewind);
}

Result<> push_blob(const BlobPush& push, Repository& repository) {
  auto tell = [&](TransferStage stage) {
    push.progress->layer(push.blob.digest, stage, push.blob.size, push.blob.size);
  };
  TRY_ASSIGN(bool there, repository.has_blob(push.blob.digest));
  if (there) {
    tell(TransferStage::kAlreadyThere);
    return {};
  }
  for (const std::string& lender : push.lenders) {
    Result<bool> mounted = repository.mount_blob(push.blob.digest, lender);
    if (!mounted || !*mounted) continue;  // not allowed to read there, or not there any more: it is uploaded
    tell(TransferStage::kMounted);
    return {};
  }
  if (Result<> uploaded = upload(push, repository); !uploaded) {
    return std::unexpected(within(cat("blob ", push.blob.digest.text()), std::move(uploaded).error()));
  }
  tell(TransferStage::kDone);
  return {};
}

Result<> push_blobs(const Store& store, const Repository& repository, const Reference& to,
                    const std::vector<Descriptor>& blobs, Progress& progress) {
  TRY_ASSIGN(Lenders lenders, find_lenders(store, to));
  SharedProgress shared(progress);
  Stop stop = false;
  return run_jobs(blobs.size(), std::max(store.config().parallel_layers, 1U), stop, [&](size_t i) {
    Repository own = repository.clone();
    auto known = lenders.find(blobs[i].digest);
    return push_blob({.store = &store,
                      .blob = blobs[i],
                      .lenders = known == lenders.end() ? std::vector<std::string>() : known->second,
                      .progress = &shared,
                      .stop = &stop},
                     own);
  });
}

Result<Descriptor> recompress(const Store& store, Lease& lease, const Descriptor& layer, Compression kind) {
  TRY_ASSIGN(std::string path, find_blob(store, layer.digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  FdSource bytes(file.get(), path);
  InflatingSource tar(bytes);
  TRY_ASSIGN(NewLayer made, make_layer(store, lease, kind, [&](ByteSink& sink) -> Result<> {
               TRY(pour(tar, sink));
               return {};
             }));
  return made.blob;
}

// The image with its layers compressed as it was asked for, as an OCI manifest; the same image when they are already.
Result<Descriptor> with_compression(const Store& store, Lease& lease, const Image& image,
                                    const PushOptions& options) {
  TRY_ASSIGN(std::vector<Descriptor> layers, oci_layers(image.manifest));
  bool changed = false;
  for (Descriptor& layer : layers) {
    TRY_ASSIGN(Compression kind, layer_compression(layer.media_type));
    if (kind == options.compression || (kind != Compression::kNone && !options.force_compression)) continue;
    TRY_ASSIGN(layer, recompress(store, lease, layer, options.compression));
    changed = true;
  }
  if (!changed) return image.manifest_descriptor;
  TRY_ASSIGN(std::string config, read_blob(store, image.manifest.config.digest, kConfigLimit));
  return store_manifest(store, lease,
                        {.name = {},
                         .config_text = std::move(config),
                         .layers = std::move(layers),
                         .annotations = image.manifest.annotations,
                         .source = {}});
}

Result<Digest> push_closure(const Store& store, Repository& repository, const Closure& closure,
                            const PushOptions& options, Progress& progress) {
  const Reference& to = options.destination;
  TRY(push_blobs(store, repository, to, closure.blobs, progress));
  for (const Descriptor& manifest : closure.manifests) {
    bool last = &manifest == &closure.manifests.back();
    TRY_ASSIGN(std::string text, read_blob(store, manifest.digest, kManifestLimit));
    std::string where = last && !to.tag.empty() ? to.tag : manifest.digest.text();
    TRY(repository.put_manifest(where, text, manifest.media_type));
  }
  Digest digest = closure.manifests.back().digest;
  if (!options.sign_key.empty()) TRY(sign_manifest(options.sign_key, to, digest, repository));
  return digest;
}

Result<Digest> push_image(const Store& store, std::string_view name, const PushOptions& options,
                          Progress& progress) {
  TRY_ASSIGN(Lease lease, Lease::take(store, cat("push ", name)));
  TRY_ASSIGN(Image image, find_image(store, name));
  Descriptor target;
  TRY_ASSIGN(Closure closure, closure_to_export(store, image, target));
  TRY_ASSIGN(Descriptor converted, with_compression(store, lease, image, options));
  if (converted.digest != image.manifest_descriptor.digest) {
    target = converted;
    TRY_ASSIGN(closure, closure_of(store, target));
  }
  const Reference& to = options.destination;
  if (!to.digest.empty() && to.digest != target.digest) {
    return fail(Kind::kInvalid, cat("its manifest is ", target.digest.text()));
  }
  for (const Descriptor& blob : closure.blobs) TRY(lease.hold(blob.digest));
  for (const Descriptor& manifest : closure.manifests) TRY(lease.hold(manifest.digest));
  TRY_ASSIGN(Repository repository, Repository::open(store.config(), to));
  progress.say(cat("pushing ", name, " to ", to.text()));
  return push_closure(store, repository, closure, options, progress);
}

}  // namespace

Result<Digest> push(const Store& store, std::string_view image, const PushOptions& options,
                    Progress& progress) {
  const Reference& to = options.destination;
  if (to.is_short())
    return fail(Kind::kInvalid, cat("push to ", quote(to.text()), ": the name has no registry"));
  Result<Digest> pushed = push_image(store, image, options, progress);
  if (pushed) return pushed;
  return std::unexpected(
      within(cat("push ", quote(image), " to ", quote(to.text())), std::move(pushed).error()));
}

}  // namespace shoji::images
