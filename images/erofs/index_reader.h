#pragma once
// Reads an index forward, and single entries of it again.
#include <array>

#include "images/erofs/layer_index.h"

namespace shoji::images {

class IndexReader {
 public:
  // `fd` outlives the reader. Read with pread(2): its offset does not matter.
  static Result<IndexReader> open(int fd);
  // False at the end, where the checksum has been compared. `entry` is reused: what it holds is replaced.
  Result<bool> next(IndexedEntry& entry);
  // Of the last entry; for IndexWindow.
  [[nodiscard]] uint64_t position() const { return position_; }
  [[nodiscard]] uint64_t checksum() const { return checksum_.value(); }

 private:
  explicit IndexReader(int fd, uint64_t end) : fd_(fd), end_(end) {}
  Result<> refill();
  Result<> finish();
  int fd_;
  uint64_t end_;       // of the records
  uint64_t read_ = 0;  // bytes of the file that were read
  size_t at_ = 0;      // in buffer_
  uint64_t count_ = 0, position_ = 0;
  StreamChecksum checksum_;
  std::string buffer_, path_;
};

// Pieces of indexes in memory. An image takes its entries directory by directory, an archive has the files of a directory
// around and between its subdirectories: a few pieces at a time are enough to read each about once.
class IndexWindow {
 public:
  // Everything but the path. `file` tells indexes apart.
  Result<> read(int fd, uint32_t file, uint64_t position, IndexedEntry& entry);

 private:
  struct Piece {
    uint32_t file = ~0u;
    uint64_t start = 0;
    std::string bytes;
  };
  static Result<> load(int fd, uint64_t start, size_t size, Piece& piece);
  std::array<Piece, 64> pieces_;
};

}  // namespace shoji::images
