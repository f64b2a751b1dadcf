// From an image in the store to what its root is mounted from.
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "images/compress/compression.h"
#include "images/erofs/compose.h"
#include "images/store/durable.h"
#include "images/store/scratch.h"
#include "images/unify/unify.h"
#include "images/unpack/unpack.h"

namespace shoji::images {

namespace {

bool is_composed(const Store& store, const std::string& name) {
  for (const std::string& root : store.paths())
    if (access(cat(root, '/', name).c_str(), F_OK) == 0) return true;
  return false;
}

Result<> unpack_from_blob(const Store& store, const Digest& blob, const Digest& diff_id, LayerFormat format) {
  TRY_ASSIGN(std::string path, find_blob(store, blob));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  char head[16] = {};
  ssize_t got = pread(file.get(), head, sizeof head, 0);
  if (got < 0) return fail_errno(errno, cat("read ", quote(path)));
  FdSource compressed(file.get(), path);
  auto tar = decompressor(compressed, sniff_compression({head, static_cast<size_t>(got)}),
                          store.config().limits.ratio);
  TRY(unpack_layer(store, diff_id, *tar, format));
  return {};
}

Result<> unpack_missing_layers(const Store& store, const Image& image, LayerFormat format) {
  const std::vector<Digest>& diff_ids = image.config.diff_ids;
  if (diff_ids.size() != image.manifest.layers.size())
    return fail(Kind::kInvalid, cat("image ", image.id().text(), ": ", image.manifest.layers.size(),
                                    " layers and ", diff_ids.size(), " diffIDs"));
  for (size_t i = 0; i < diff_ids.size(); i++) {
    if (find_layer(store, diff_ids[i], format)) continue;
    const Digest& blob = image.manifest.layers[i].digest;
    if (auto unpacked = unpack_from_blob(store, blob, diff_ids[i], format); !unpacked)
      return std::unexpected(within(cat("layer ", blob.text()), unpacked.error()));
  }
  return {};
}

// Two callers at the same time write the same bytes; the second rename changes nothing that can be seen.
Result<> compose_image(const Store& store, const Image& image, const std::string& name) {
  std::vector<std::string> indexes;
  for (const Digest& diff_id : image.config.diff_ids) {
    TRY_ASSIGN(std::string layer, find_layer(store, diff_id, LayerFormat::kComposed));
    indexes.push_back(layer + "/index");
  }
  TRY_ASSIGN(Scratch file, Scratch::make_file(store, "composed"));
  TRY(compose(indexes, file.fd()));
  TRY(sync_file(file.fd(), name));
  TRY(file.publish(name));
  return sync_directory(store, "composed");
}

}  // namespace

Result<> prepare_image(const Store& store, const Image& image, LayerFormat format) {
  std::string name = cat("composed/", image.id().file_name());
  if (format == LayerFormat::kComposed && is_composed(store, name)) return {};
  TRY(unpack_missing_layers(store, image, format));
  if (format == LayerFormat::kTree) {
    // Before a root uses the layers: they are not changed any more then.
    TRY(unify_image(store, image));
    return {};
  }
  if (auto composed = compose_image(store, image, name); !composed)
    return std::unexpected(within(cat("compose image ", image.id().text()), composed.error()));
  return {};
}

}  // namespace shoji::images
