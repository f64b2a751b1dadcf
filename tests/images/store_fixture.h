#pragma once
// A store of its own gone at the end of the case. On a disk: not every kernel's tmpfs has xattrs.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/io.h"
#include "base/json.h"
#include "images/blobs/blob_writer.h"
#include "images/erofs/layer_index.h"
#include "images/store/durable.h"
#include "tests/catch.h"

namespace shoji::images::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const char* top = getenv("TMPDIR");
    path_ = cat(top == nullptr ? "/var/tmp" : top, "/shoji-store.XXXXXX");
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

inline bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

inline std::string layer_path(const Store& store, std::string_view text) {
  return cat(store.path(), "/layers/", digest_of(text).file_name());
}
inline std::string object_path(const Store& store, std::string_view text) {
  std::string hex = digest_of(text).hex();
  return cat(store.path(), "/objects/", hex.substr(0, 2), "/", hex);
}

inline std::vector<std::string> read_directory(const std::string& path) {
  auto names = list_directory(AT_FDCWD, path);
  REQUIRE(names);
  return *names;
}

inline void put_object(const Store& store, std::string_view text) {
  std::string path = object_path(store, text);
  REQUIRE(make_directories(path.substr(0, path.rfind('/')), 0755));
  REQUIRE(write_file_atomically(path, text));
}

// A composed layer, whose digest is that of `name`, with one file whose content is `object`.
inline void put_layer(const Store& store, std::string_view name, std::string_view object) {
  REQUIRE(make_directories(layer_path(store, name), 0755));
  auto fd = open_file(layer_path(store, name) + "/index", O_WRONLY | O_CREAT, 0644);
  REQUIRE(fd);
  LayerIndexWriter writer(fd->get());
  IndexedEntry entry;
  entry.entry.path = "file";
  entry.entry.size = object.size();
  entry.object = digest_of(object).hex();
  REQUIRE(writer.add(entry));
  REQUIRE(writer.finish());
  put_object(store, object);
}

inline void put_root(const Store& store, const std::string& name, const Image& image) {
  std::string directory = cat(store.path(), "/roots/", name);
  REQUIRE(make_directories(directory, 0755));
  JsonWriter facts;
  facts.begin_object();
  facts.member("config", image.id().text());
  facts.key("diffIds").begin_array();
  for (const Digest& digest : image.config.diff_ids) facts.value(digest.text());
  facts.end_array().end_object();
  REQUIRE(write_file_atomically(directory + "/facts.json", facts.take()));
}

}  // namespace shoji::images::test
