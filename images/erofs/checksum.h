#pragma once
// A checksum that finds torn and half-written files, at the speed of memory. Whoever wants to deceive can: digests are
// for that.
#include <cstdint>
#include <cstring>
#include <string_view>

namespace shoji::images {

class StreamChecksum {
 public:
  // Every piece but the last has a multiple of 8 bytes.
  void update(std::string_view bytes) {
    length_ += bytes.size();
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      uint64_t word = 0;
      memcpy(&word, bytes.data() + at, 8);
      mix(word);
    }
    uint64_t rest = 0;
    memcpy(&rest, bytes.data() + at, bytes.size() - at);
    if (at < bytes.size()) mix(rest);
  }
  [[nodiscard]] uint64_t value() const {
    StreamChecksum end = *this;
    end.mix(length_);
    return end.state_ ^ end.state_ >> 32;
  }

 private:
  void mix(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: odd, so nothing is lost
    state_ = state_ << 29 | state_ >> 35;
  }
  uint64_t state_ = 0x73686f6a69, length_ = 0;
};

}  // namespace shoji::images
