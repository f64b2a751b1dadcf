#pragma once
// Layers unpacked from archives, and the roots that overlayfs makes of them in either format; mounts are detached.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/blobs/hash.h"
#include "images/store/config.h"
#include "images/unpack/unpack.h"
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

using OverlaySettings = std::vector<std::pair<std::string, std::string>>;
inline UniqueFd mount_overlay_of(const OverlaySettings& settings) {
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  for (const auto& [key, value] : settings)
    if (fsconfig(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) != 0) return {};
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return UniqueFd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

inline UniqueFd mount_composed(const Store& store, const Image& image, const std::string& upper = "") {
  UniqueFd metadata(mount_image(cat(store.path(), "/composed/", image.id().file_name())));
  if (!metadata) return {};
  OverlaySettings settings{{"metacopy", "on"}, {"redirect_dir", "on"}};
  settings.emplace_back("lowerdir+", cat("/proc/self/fd/", metadata.get()));
  settings.emplace_back("datadir+", store.path() + "/objects");
  if (!upper.empty()) {
    settings.emplace_back("upperdir", upper + "/upper");
    settings.emplace_back("workdir", upper + "/work");
  }
  return mount_overlay_of(settings);
}

inline UniqueFd mount_trees(const Store& store, const std::vector<Digest>& diff_ids) {
  OverlaySettings settings;
  for (auto layer = diff_ids.rbegin(); layer != diff_ids.rend(); ++layer)
    settings.emplace_back("lowerdir+", cat(store.path(), "/layers/", layer->file_name(), "/tree"));
  std::string empty = store.path() + "/tmp/empty";  // overlayfs wants two layers where there is no upper
  if (mkdir(empty.c_str(), 0755) != 0 && errno != EEXIST) return {};
  settings.emplace_back("lowerdir+", empty);
  return mount_overlay_of(settings);
}

}  // namespace shoji::images::tests
