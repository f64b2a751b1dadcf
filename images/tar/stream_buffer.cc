#include "images/tar/stream_buffer.h"

#include <algorithm>
#include <cstring>

namespace shoji::images {

Result<> StreamBuffer::fill() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == kCapacity) {
    memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  TRY_ASSIGN(size_t got, source_->read({bytes_.get() + end_, kCapacity - end_}));
  end_ += got;
  ended_ = got == 0;
  return {};
}

Result<std::span<const char>> StreamBuffer::peek() {
  if (begin_ == end_ && !ended_) TRY(fill());
  return std::span<const char>(bytes_.get() + begin_, end_ - begin_);
}

Result<std::span<const char>> StreamBuffer::need(size_t size) {
  while (end_ - begin_ < size && !ended_) TRY(fill());
  return std::span<const char>(bytes_.get() + begin_, std::min(size, end_ - begin_));
}

Result<bool> StreamBuffer::skip(uint64_t size) {
  while (size > 0) {
    TRY_ASSIGN(std::span<const char> piece, peek());
    if (piece.empty()) return false;
    auto step = static_cast<size_t>(std::min<uint64_t>(size, piece.size()));
    consume(step);
    size -= step;
  }
  return true;
}

Result<size_t> StreamBuffer::read(std::span<char> into) {
  if (begin_ == end_ && into.size() >= kCapacity && !ended_) {
    TRY_ASSIGN(size_t got, source_->read(into));
    position_ += got;
    ended_ = got == 0;
    return got;
  }
  TRY_ASSIGN(std::span<const char> piece, peek());
  size_t n = std::min(into.size(), piece.size());
  memcpy(into.data(), piece.data(), n);
  consume(n);
  return n;
}

}  // namespace shoji::images
