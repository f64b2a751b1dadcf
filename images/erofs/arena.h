#pragma once
// Memory for hundreds of thousands of small things: it grows without ever copying, so that its peak is what it holds.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace shoji::images {

template <typename T>
class ChunkedArray {
 public:
  uint32_t add(const T& value) {
    if (size_ % kChunk == 0) chunks_.push_back(std::make_unique_for_overwrite<T[]>(kChunk));
    chunks_.back()[size_ % kChunk] = value;
    return size_++;
  }
  T& operator[](uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  [[nodiscard]] uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kChunk = 1 << 14;  // large enough for malloc(3) to give them back to the system
  std::vector<std::unique_ptr<T[]>> chunks_;
  uint32_t size_ = 0;
};

// Names of at most 255 bytes, one after another, each behind its length.
class NamePool {
 public:
  uint32_t add(std::string_view name) {
    if (kChunk - used_ < name.size() + 1) {
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunk));
      used_ = 0;
    }
    char* place = chunks_.back().get() + used_;
    *place = static_cast<char>(name.size());
    memcpy(place + 1, name.data(), name.size());
    auto at = static_cast<uint32_t>((chunks_.size() - 1) * kChunk + used_);
    used_ += static_cast<uint32_t>(name.size()) + 1;
    return at;
  }
  std::string_view operator[](uint32_t at) const {
    const char* place = chunks_[at / kChunk].get() + at % kChunk;
    return {place + 1, static_cast<unsigned char>(*place)};
  }
  // add() is possible without an overflow of the places.
  [[nodiscard]] bool has_room() const { return chunks_.size() < (uint64_t{1} << 32) / kChunk - 1; }

 private:
  static constexpr uint32_t kChunk = 256 << 10;
  std::vector<std::unique_ptr<char[]>> chunks_;
  uint32_t used_ = kChunk;  // of the last chunk
};

}  // namespace shoji::images
