#pragma once
// The index of a composed layer: its members without their contents, in the order of the archive, in one file that is
// read forward once. Contents of at most kInlineLimit bytes are in the index, others are named by their sha256 and lie
// in objects/.
//
// On disk: 16 bytes of header; records; 16 bytes with the number of records and a checksum of all before them. A path
// is coded as what it shares with the path before it and the rest; numbers are LEB128.
#include <functional>
#include <string>

#include "base/error.h"
#include "images/erofs/checksum.h"
#include "images/tar/tar_entry.h"

namespace shoji::images {

inline constexpr uint64_t kInlineLimit = 512;
inline constexpr size_t kIndexPathLimit = 4095;  // PATH_MAX without the NUL

// What an entry does to lower layers. A whiteout's path is the one that it hides, an opaque mark's that of the directory.
enum class EntryMark : uint8_t { kMember, kWhiteout, kOpaque };

struct IndexedEntry {
  TarEntry entry;  // clean paths, also of hard links
  EntryMark mark = EntryMark::kMember;
  std::string object;  // sha256 hex of the content; empty: inline, or no file
  std::string inline_content;
};

class LayerIndexWriter {
 public:
  explicit LayerIndexWriter(int fd) : fd_(fd) {}
  Result<> add(const IndexedEntry& entry);
  Result<> finish();

 private:
  Result<> flush();
  int fd_;
  uint64_t count_ = 0;
  StreamChecksum checksum_;
  std::string buffer_, previous_, attributes_;
};

// Calls `each` for every entry. A file that is not a whole index is kInvalid.
Result<> read_layer_index(int fd, const std::function<Result<>(const IndexedEntry&)>& each);
// Only the digests of the objects, for sweeping and verifying; one that several files share comes several times.
Result<> read_layer_objects(int fd, const std::function<void(std::string_view hex, uint64_t size)>& each);

}  // namespace shoji::images
