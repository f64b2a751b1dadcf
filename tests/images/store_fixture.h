#pragma once
// A store of its own below /tmp, gone at the end of the case.
#include <unistd.h>

#include <string>
#include <vector>

#include "base/io.h"
#include "images/blobs/blob_writer.h"
#include "tests/catch.h"

namespace shoji::images::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = "/tmp/shoji-store.XXXXXX";
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { ignore(remove_tree(path_), "a test's leftovers"); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline ImagesConfig config_at(const std::string& path) {
  ImagesConfig config;
  config.store = path;
  return config;
}

inline Store open_store(const ImagesConfig& config) {
  auto store = Store::open(config, Store::Access::kWrite);
  INFO((store ? std::string() : store.error().text));
  REQUIRE(store);
  return std::move(*store);
}

// An image whose layers are texts and nothing that could be unpacked. The name is not set.
inline Descriptor make_image(const Store& store, const std::vector<std::string>& layers,
                             const Platform& platform = host_platform()) {
  Manifest manifest;
  ImageConfig config;
  config.platform = platform;
  for (const std::string& layer : layers) {
    auto blob = put_blob(store, layer, media_type::kOciLayer);
    REQUIRE(blob);
    manifest.layers.push_back(*blob);
    config.diff_ids.push_back(blob->digest);
  }
  auto blob = put_blob(store, print_image_config(config), media_type::kOciConfig);
  REQUIRE(blob);
  manifest.config = *blob;
  auto target = put_blob(store, print_manifest(manifest), media_type::kOciManifest);
  REQUIRE(target);
  return *target;
}

inline Result<> give_name(const Store& store, std::string_view name, const Descriptor& target) {
  NamedImage image;
  image.name = *parse_reference(name);
  image.target = target;
  image.source = "test";
  return set_name(store, image);
}

}  // namespace shoji::images::test
