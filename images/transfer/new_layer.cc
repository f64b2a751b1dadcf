#include "images/transfer/new_layer.h"

#include <ctime>
#include <thread>

#include "images/store/durable.h"
#include "images/transfer/pipe.h"
#include "images/transfer/streams.h"
#include "images/transfer/unpack_image.h"

namespace shoji::images {
namespace {

constexpr size_t kRing = 2 << 20;

// A blob whose digest nobody knew before is protected from a sweep that begins right now.
Result<Descriptor> commit_held(const Store& store, Lease& lease, NewBlob& blob, Compression kind) {
  TRY_ASSIGN(UniqueFd no_sweep, hold_sweeping_off(store));
  TRY_ASSIGN(Descriptor stored, blob.commit(layer_media_type(kind)));
  TRY(lease.hold(stored.digest));
  return stored;
}

Result<> compress(ByteSource& tar, Compression kind, NewBlob& blob) {
  NewBlobSink file(blob);
  std::unique_ptr<ByteSink> compressed = compressor(file, kind);
  TRY(pour(tar, *compressed));
  return {};
}

}  // namespace

std::string layer_media_type(Compression kind) {
  switch (kind) {
    case Compression::kGzip:
      return cat(media_type::kOciLayer, "+gzip");
    case Compression::kZstd:
      return cat(media_type::kOciLayer, "+zstd");
    case Compression::kNone:
      break;
  }
  return std::string(media_type::kOciLayer);
}

Result<std::vector<Descriptor>> oci_layers(const Manifest& manifest) {
  std::vector<Descriptor> layers = manifest.layers;
  for (Descriptor& layer : layers) {
    TRY_ASSIGN(Compression kind, layer_compression(layer.media_type));
    layer.media_type = layer_media_type(kind);
  }
  return layers;
}

Result<NewLayer> make_layer(const Store& store, Lease& lease, Compression kind,
                            const std::function<Result<>(ByteSink&)>& produce) {
  TRY_ASSIGN(NewBlob blob, NewBlob::create(store));
  Pipe pipe = make_pipe(kRing);
  Result<> compressed;
  std::jthread compressing([&compressed, &blob, kind, reader = std::move(pipe.reader)]() mutable {
    compressed = compress(reader, kind, blob);
    if (!compressed) reader.close(compressed.error());
  });
  HashingSink hashing(pipe.writer);
  Result<> produced = produce(hashing);
  if (!produced) {
    pipe.writer.fail(produced.error());
  } else {
    ignore(pipe.writer.finish(), "it cannot fail, and does nothing the second time");
  }
  compressing.join();
  TRY(std::move(produced));
  TRY(std::move(compressed));
  NewLayer layer{.blob = {}, .diff_id = hashing.digest()};
  TRY_ASSIGN(layer.blob, commit_held(store, lease, blob, kind));
  TRY(lease.hold(layer.diff_id));
  return layer;
}

Result<Descriptor> keep_layer(const Store& store, Lease& lease, ByteSource& compressed, Compression kind) {
  TRY_ASSIGN(NewBlob blob, NewBlob::create(store));
  NewBlobSink file(blob);
  TRY(pour(compressed, file));
  return commit_held(store, lease, blob, kind);
}

Result<Descriptor> store_manifest(const Store& store, Lease& lease, const NewImage& image) {
  TRY(lease.hold(digest_of(image.config_text)));
  Manifest manifest;
  manifest.media_type = media_type::kOciManifest;
  TRY_ASSIGN(manifest.config, put_blob(store, image.config_text, media_type::kOciConfig));
  manifest.layers = image.layers;
  manifest.annotations = image.annotations;
  std::string text = print_manifest(manifest);
  TRY(lease.hold(digest_of(text)));
  return put_blob(store, text, media_type::kOciManifest);
}

Result<Image> store_image(const Store& store, Lease& lease, const NewImage& image, Progress& progress) {
  TRY_ASSIGN(Descriptor target, store_manifest(store, lease, image));
  return name_image(store, lease,
                    {.name = image.name, .target = target, .source = image.source, .created = time(nullptr)},
                    progress);
}

}  // namespace shoji::images
