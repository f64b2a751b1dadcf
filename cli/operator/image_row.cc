#include "cli/operator/image_row.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "cli/human.h"

namespace shoji::cli::op {

using images::Digest;
using images::Image;

uint64_t stored_size(const Image& image) {
  uint64_t size = image.manifest_descriptor.size + image.manifest.config.size;
  for (const images::Descriptor& layer : image.manifest.layers) size += layer.size;
  return size;
}

Result<std::vector<ImageRow>> image_rows(const images::Store& store, bool all) {
  TRY_ASSIGN(std::vector<images::NamedImage> names, images::list_names(store));
  TRY_ASSIGN(std::vector<Image> images, images::list_images(store));
  std::map<Digest, const Image*> by_target;
  for (const Image& image : images) by_target.emplace(image.target.digest, &image);
  std::vector<ImageRow> rows;
  for (const images::NamedImage& named : names) {
    ImageRow row{named.name, named.target, named.source, named.created, {}, named.target.size};
    if (auto found = by_target.find(named.target.digest); found != by_target.end()) {
      row.image = *found->second;
      row.size = stored_size(*row.image);
    }
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(),
            [](const ImageRow& a, const ImageRow& b) { return a.name.text() < b.name.text(); });
  for (const Image& image : images)
    if (all && image.names.empty()) rows.push_back({{}, image.target, "", 0, image, stored_size(image)});
  return rows;
}

namespace {

Field name_of(const ImageRow& row) {
  if (row.name.repository.empty()) return {{}, "<none>"};
  return {row.name.text()};
}

Field repository_of(const ImageRow& row) {
  if (row.name.repository.empty()) return {{}, "<none>"};
  return {row.name.name()};
}

Field tag_of(const ImageRow& row) {
  if (row.name.tag.empty()) return {{}, "<none>"};
  return {row.name.tag};
}

Field id_of(const ImageRow& row) {
  if (!row.image) return {{}, "-"};
  return {row.image->id().text(), row.image->id().short_text()};
}

Field digest_of(const ImageRow& row) {
  return {row.target.digest.text()};
}

Field time_field(int64_t seconds) {
  return {utc_time(seconds), cat(human_age(time(nullptr) - seconds), " ago")};
}

Field created_of(const ImageRow& row) {
  auto created = row.image ? parse_utc_time(row.image->config.created) : fail(Kind::kNotFound, "");
  if (!created) return {{}, "-"};
  return time_field(*created);
}

Field added_of(const ImageRow& row) {
  if (row.added == 0) return {{}, "-"};
  return time_field(row.added);
}

Field size_of(const ImageRow& row) {
  return {row.size, human_size(row.size)};
}

Field layers_of(const ImageRow& row) {
  if (!row.image) return {{}, "-"};
  return {uint64_t{row.image->manifest.layers.size()}};
}

Field platform_of(const ImageRow& row) {
  if (!row.image) return {{}, "not for this host"};
  return {row.image->config.platform.text()};
}

Field source_of(const ImageRow& row) {
  return {row.source};
}

Field dangling_of(const ImageRow& row) {
  return {row.name.repository.empty()};
}

constexpr Column kColumns[] = {
    column<name_of>("name", "full name"),
    column<id_of>("id", "digest of the configuration"),
    column<created_of>("created", "when it was made"),
    right_column<size_of>("size", "of its blobs in the store"),
    more_column<repository_of>("repository", "the name without its tag"),
    more_column<tag_of>("tag", "the tag of the name"),
    more_column<digest_of>("digest", "of the manifest or index that the name points at"),
    more_column<layers_of>("layers", "how many"),
    more_column<platform_of>("platform", "what it runs on"),
    more_column<source_of>("source", "where it came from"),
    more_column<added_of>("added", "when its name was set here"),
    more_column<dangling_of>("dangling", "whether it has no name"),
};

}  // namespace

std::span<const Column> image_columns() {
  return kColumns;
}

}  // namespace shoji::cli::op
