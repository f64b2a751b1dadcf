#pragma once
// Counts of durations in buckets whose width grows with the value, as HdrHistogram has them: 128 per power of two, so that
// a percentile is right within 0.8 % whatever its size, and no sample is ever dropped.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace shoji::load {

class Histogram {
 public:
  void add(uint64_t value) {
    ++counts_[index_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }

  void merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  // The smallest value that `percent` of the samples do not exceed, rounded up to the end of its bucket.
  [[nodiscard]] uint64_t percentile(double percent) const {
    auto rank = static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
    rank = std::clamp<uint64_t>(rank, 1, std::max<uint64_t>(count_, 1));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= rank) return std::min(last_of(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 7;
  static constexpr uint64_t kSteps = uint64_t{1} << kBits;

  // Values below 2 * kSteps have a bucket each; of the greater ones the first kBits + 1 bits count.
  static size_t index_of(uint64_t value) {
    auto width = static_cast<unsigned>(std::bit_width(value));
    unsigned shift = width > kBits + 1 ? width - kBits - 1 : 0;
    return shift * kSteps + (value >> shift);
  }
  static uint64_t last_of(size_t index) {
    if (index < 2 * kSteps) return index;
    auto shift = static_cast<unsigned>(index / kSteps - 1);
    uint64_t step = index - shift * kSteps;
    return (step << shift) + ((uint64_t{1} << shift) - 1);
  }

  std::array<uint64_t, (64 - kBits + 1) * kSteps> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace shoji::load
