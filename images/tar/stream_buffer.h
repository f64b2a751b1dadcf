#pragma once
// A window on a ByteSource, so that headers are contiguous and contents need no copy.
#include <memory>

#include "images/tar/byte_source.h"

namespace shoji::images {

class StreamBuffer {
 public:
  explicit StreamBuffer(ByteSource& source) : source_(&source), bytes_(std::make_unique<char[]>(kCapacity)) {}

  // What is there, at least a byte; empty at the end of the stream.
  Result<std::span<const char>> peek();
  // The next `size` bytes in one piece, at most kCapacity; fewer when the stream ends before.
  Result<std::span<const char>> need(size_t size);
  void consume(size_t size) {
    begin_ += size;
    position_ += size;
  }
  // False when the stream ends before.
  Result<bool> skip(uint64_t size);
  // Consumes at most into.size() bytes; past the buffer when it is empty and much is wanted.
  Result<size_t> read(std::span<char> into);
  [[nodiscard]] uint64_t position() const { return position_; }

  // Half of a usual second-level cache: what is inflated into it is still there when it is written out.
  static constexpr size_t kCapacity = 256 << 10;

 private:
  Result<> fill();
  ByteSource* source_;
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0, end_ = 0;
  uint64_t position_ = 0;
  bool ended_ = false;
};

}  // namespace shoji::images
