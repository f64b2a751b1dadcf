#pragma once
// Layers unpacked from archives, and the roots that overlayfs makes of them in either format; mounts are detached.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/blobs/hash.h"
#include "images/roots/root.h"
#include "images/store/config.h"
#include "images/unpack/unpack.h"
#include "tests/catch.h"
#include "tests/images/composed_image.h"
#include "tests/images/tar_builder.h"

namespace shoji::images::tests {

inline Store make_store(const std::string& path, const UnpackLimits& limits = {}) {
  ImagesConfig config;
  config.store = path;
  config.limits = limits;
  auto store = Store::open(config, Store::Access::kWrite);
  if (!store) abort();
  return std::move(*store);
}

inline Result<Digest> unpack_text(const Store& store, std::string_view archive, LayerFormat format) {
  MemorySource source(archive);
  return unpack_layer(store, Digest(), source, format);
}

// An image of layers that are unpacked, for prepare_image(): its identity is that of its layers.
inline Image image_of(const std::vector<Digest>& diff_ids) {
  Image image;
  std::string all;
  for (const Digest& diff_id : diff_ids) {
    image.config.diff_ids.push_back(diff_id);
    image.manifest.layers.push_back({.media_type = "", .digest = diff_id, .annotations = {}});
    all += diff_id.text();
  }
  image.manifest.config.digest = digest_of(all);
  return image;
}

inline Result<UniqueFd> mount_composed(const Store& store, const Image& image) {
  return open_image(store, image, LayerFormat::kComposed, {});
}
inline Result<UniqueFd> mount_trees(const Store& store, const Image& image) {
  return open_image(store, image, LayerFormat::kTree, {});
}

// Where composed roots cannot be mounted, before Linux 6.12, that is said.
inline bool mounts_composed(const Store& store, const Image& image) {
  if (layer_format(store) == LayerFormat::kComposed) return true;
  CHECK_FALSE(mount_composed(store, image));
  return false;
}

}  // namespace shoji::images::tests
