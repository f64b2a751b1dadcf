#include "images/transfer/docker_archive.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/io.h"
#include "base/json.h"
#include "base/path.h"
#include "images/compress/compression.h"

namespace shoji::images {
namespace {

std::string clean_member(std::string_view path) {
  return clean_path(path).substr(1);
}

Result<std::vector<std::string>> strings(Json list) {
  std::vector<std::string> all;
  if (!list.exists() || list.is_null()) return all;
  if (!list.is_array()) return list.unexpected("an array of strings");
  for (Json item = list.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view text, item.as_string());
    all.emplace_back(text);
  }
  return all;
}

// A newer docker has configurations and layers below blobs/, which are in the store by now.
Result<std::string> config_text(const Store& store, const ArchiveContents& contents, std::string_view path) {
  std::string member = contents.resolve(clean_member(path));
  if (auto text = contents.texts.find(member); text != contents.texts.end()) return text->second;
  if (Result<Digest> digest = Digest::parse(cat("sha256:", base_name(member)));
      digest && member.starts_with("blobs/")) {
    return read_blob(store, *digest, kConfigLimit);
  }
  return fail(Kind::kInvalid, cat("the archive has no configuration ", quote(path)));
}

// A blob's descriptor, by its first bytes and its size.
Result<Descriptor> describe_layer(const Store& store, const Digest& digest) {
  TRY_ASSIGN(std::string path, find_blob(store, digest));
  TRY_ASSIGN(UniqueFd file, open_file(path, O_RDONLY));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, cat("read the state of ", quote(path)));
  FdSource bytes(file.get(), path);
  char head[512];
  TRY_ASSIGN(size_t size, bytes.read(head));
  Descriptor layer;
  layer.media_type = layer_media_type(sniff_compression(std::span(head).first(size)));
  layer.digest = digest;
  layer.size = static_cast<uint64_t>(status.st_size);
  return layer;
}

Result<StoredLayer> find_layer_member(const Store& store, const ArchiveContents& contents,
                                      const std::string& path) {
  std::string member = contents.resolve(clean_member(path));
  if (auto layer = contents.layers.find(member); layer != contents.layers.end()) return layer->second;
  Result<Digest> digest = Digest::parse(cat("sha256:", base_name(member)));
  if (!digest || !member.starts_with("blobs/"))
    return fail(Kind::kInvalid, cat("the archive has no layer ", quote(path)));
  TRY_ASSIGN(Descriptor blob, describe_layer(store, *digest));
  return StoredLayer{.blob = std::move(blob), .diff_id = {}};
}

Result<ArchivedImage> docker_image(const Store& store, Lease& lease, const ArchiveContents& contents,
                                   Json entry) {
  ArchivedImage image;
  TRY_ASSIGN(image.names, strings(entry.find("RepoTags")));
  Json config_path = entry.find("Config");
  if (!config_path.exists()) return fail(Kind::kInvalid, cat(entry.pointer(), " has no Config"));
  TRY_ASSIGN(std::string_view config, config_path.as_string());
  TRY_ASSIGN(std::vector<std::string> paths, strings(entry.find("Layers")));
  NewImage made;
  TRY_ASSIGN(made.config_text, config_text(store, contents, config));
  TRY_ASSIGN(ImageConfig parsed, parse_image_config(made.config_text));
  if (parsed.diff_ids.size() != paths.size()) {
    return fail(Kind::kInvalid, cat("manifest.json has ", paths.size(), " layers and the configuration ",
                                    quote(config), " ", parsed.diff_ids.size()));
  }
  for (size_t i = 0; i < paths.size(); i++) {
    TRY_ASSIGN(StoredLayer layer, find_layer_member(store, contents, paths[i]));
    if (!layer.diff_id.empty() && layer.diff_id != parsed.diff_ids[i]) {
      return fail(Kind::kInvalid, cat("layer ", quote(paths[i]), " is ", layer.diff_id.text(),
                                      " where its configuration says ", parsed.diff_ids[i].text()));
    }
    made.layers.push_back(std::move(layer.blob));
  }
  TRY_ASSIGN(image.target, store_manifest(store, lease, made));
  return image;
}

}  // namespace

Result<std::vector<ArchivedImage>> docker_images(const Store& store, Lease& lease,
                                                 const ArchiveContents& contents) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(contents.texts.at("manifest.json"), "manifest.json"));
  if (!document.root().is_array()) return document.root().unexpected("an array of images");
  std::vector<ArchivedImage> images;
  for (Json entry = document.root().first(); entry.exists(); entry = entry.next()) {
    if (!entry.is_object()) return entry.unexpected("an object");
    TRY_ASSIGN(ArchivedImage image, docker_image(store, lease, contents, entry));
    images.push_back(std::move(image));
  }
  return images;
}

}  // namespace shoji::images
