#pragma once
// The index of a composed layer: its members without their contents, in the order of the archive, in one file that is
// read forward once. Contents of at most kInlineLimit bytes are in the index, others are named by their sha256 and lie
// in objects/.
#include <functional>
#include <string>

#include "base/error.h"
#include "images/tar/tar_entry.h"

namespace shoji::images {

inline constexpr uint64_t kInlineLimit = 512;

struct IndexedEntry {
  TarEntry entry;      // clean paths; whiteouts are still names with .wh.
  std::string object;  // sha256 hex of the content; empty: inline, or no file
  std::string inline_content;
};

class LayerIndexWriter {
 public:
  explicit LayerIndexWriter(int fd) : fd_(fd) {}
  Result<> add(const IndexedEntry& entry);
  Result<> finish();

 private:
  int fd_;
  std::string buffer_;
};

// Calls `each` for every entry. A file that is not a whole index is kInvalid.
Result<> read_layer_index(int fd, const std::function<Result<>(const IndexedEntry&)>& each);
// Only the digests of the objects, for sweeping and verifying.
Result<> read_layer_objects(int fd, const std::function<void(std::string_view hex, uint64_t size)>& each);

}  // namespace shoji::images
