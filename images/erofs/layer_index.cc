#include "images/erofs/layer_index.h"

#include <algorithm>

#include "base/io.h"
#include "images/erofs/index_format.h"
#include "images/erofs/index_reader.h"
#include "images/erofs/index_record.h"

namespace shoji::images {

namespace {

size_t shared_length(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

Result<> LayerIndexWriter::add(const IndexedEntry& entry) {
  const std::string& path = entry.entry.path;
  if (path.size() > kIndexPathLimit)
    return fail(Kind::kInvalid,
                cat("member ", quote(path.substr(0, 256)), ": a path of ", path.size(), " bytes"));
  attributes_.clear();
  append_attributes(attributes_, entry);
  if (attributes_.size() > kAttributesLimit)
    return fail(Kind::kInvalid,
                cat("member ", quote(path), ": ", attributes_.size(), " bytes of attributes"));
  if (count_++ == 0) buffer_.assign(kIndexMagic);
  size_t shared = shared_length(previous_, path);
  append_number(buffer_, shared);
  append_text(buffer_, std::string_view(path).substr(shared));
  append_text(buffer_, attributes_);
  previous_ = path;
  if (buffer_.size() >= kIndexBlock) TRY(flush());
  return {};
}

// The checksum takes words: bytes of a word that is not complete wait.
Result<> LayerIndexWriter::flush() {
  size_t whole = buffer_.size() & ~size_t{7};
  std::string_view piece = std::string_view(buffer_).substr(0, whole);
  checksum_.update(piece);
  TRY(write_all(fd_, piece, "layer index"));
  buffer_.erase(0, whole);
  return {};
}

Result<> LayerIndexWriter::finish() {
  if (count_ == 0) buffer_.assign(kIndexMagic);
  TRY(flush());
  checksum_.update(buffer_);
  IndexTrailer trailer{.records = count_, .checksum = checksum_.value()};
  buffer_.append(reinterpret_cast<const char*>(&trailer), sizeof trailer);
  return write_all(fd_, buffer_, "layer index");
}

Result<> read_layer_index(int fd, const std::function<Result<>(const IndexedEntry&)>& each) {
  TRY_ASSIGN(IndexReader reader, IndexReader::open(fd));
  IndexedEntry entry;
  while (true) {
    TRY_ASSIGN(bool more, reader.next(entry));
    if (!more) return {};
    TRY(each(entry));
  }
}

Result<> read_layer_objects(int fd, const std::function<void(std::string_view hex, uint64_t size)>& each) {
  return read_layer_index(fd, [&](const IndexedEntry& entry) -> Result<> {
    if (!entry.object.empty()) each(entry.object, entry.entry.size);
    return {};
  });
}

}  // namespace shoji::images
