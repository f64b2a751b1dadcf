#pragma once
// Layers and images that are made here rather than brought from somewhere.
#include <functional>

#include "images/blobs/blob_writer.h"
#include "images/tar/byte_source.h"
#include "images/transfer/progress.h"

namespace shoji::images {

struct NewLayer {
  Descriptor blob;
  Digest diff_id;
};

// `produce` writes the uncompressed tar of a layer; it is hashed here and compressed and stored in a second thread, so
// that it never lies on disk uncompressed.
Result<NewLayer> make_layer(const Store& store, Lease& lease, Compression kind,
                            const std::function<Result<>(ByteSink&)>& produce);

// The bytes of a layer that is compressed already are stored as they are.
Result<Descriptor> keep_layer(const Store& store, Lease& lease, ByteSource& compressed, Compression kind);

// What is made here is stored as zstd: inflating it is cheaper than anything else, and push can say otherwise.
inline constexpr Compression kOwnCompression = Compression::kZstd;
std::string layer_media_type(Compression kind);
// The layers of a manifest with OCI's media types, whatever it has itself.
Result<std::vector<Descriptor>> oci_layers(const Manifest& manifest);

struct NewImage {
  Reference name;  // empty: no name is set
  std::string config_text;
  std::vector<Descriptor> layers;
  Annotations annotations;
  std::string source;
};
// Writes configuration and manifest. Returns the manifest's descriptor.
Result<Descriptor> store_manifest(const Store& store, Lease& lease, const NewImage& image);
// The same, then unpacks what is not unpacked, and sets the name.
Result<Image> store_image(const Store& store, Lease& lease, const NewImage& image, Progress& progress);

}  // namespace shoji::images
