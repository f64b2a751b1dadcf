#pragma once
// Images whose layers come from archives, in either format, and archives from lists of members.
#include "images/blobs/hash.h"
#include "images/tar/tar_writer.h"
#include "images/unpack/unpack.h"
#include "tests/images/root_fixture.h"

namespace shoji::images::test {

class StringSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;
};

struct Member {
  TarEntry entry;
  std::string content{};
};
inline TarEntry member_entry(std::string path, EntryType type, mode_t mode, std::string link = "") {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = mode;
  entry.link = std::move(link);
  entry.mtime = 1'000'000'000;
  return entry;
}
inline Member a_file(std::string path, std::string content, mode_t mode = 0644) {
  return {member_entry(std::move(path), EntryType::kFile, mode), std::move(content)};
}
inline Member a_directory(std::string path, mode_t mode = 0755) {
  return {member_entry(std::move(path), EntryType::kDirectory, mode)};
}

inline std::string archive_of(const std::vector<Member>& members) {
  StringSink sink;
  TarWriter writer(sink);
  for (const Member& member : members) {
    TarEntry entry = member.entry;
    entry.size = member.content.size();
    REQUIRE_GOOD(writer.header(entry));
    REQUIRE_GOOD(writer.data(member.content));
  }
  REQUIRE_GOOD(writer.finish());
  return sink.text;
}

// Unpacks the archive as one more layer of the image, whose id changes.
inline void add_layer(const Store& store, Image& image, const std::string& archive, LayerFormat format) {
  MemorySource source(archive);
  Digest diff_id = good(unpack_layer(store, {}, source, format));
  image.config.diff_ids.push_back(diff_id);
  Descriptor layer;
  layer.media_type = media_type::kOciLayer;
  layer.digest = diff_id;
  layer.size = archive.size();
  image.manifest.layers.push_back(std::move(layer));
  image.manifest.config.digest = digest_of(print_image_config(image.config));
}

}  // namespace shoji::images::test
