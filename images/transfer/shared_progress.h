#pragma once
#include <mutex>

#include "images/transfer/progress.h"

namespace shoji::images {

// Lets several threads tell one Progress.
class SharedProgress final : public Progress {
 public:
  explicit SharedProgress(Progress& progress) : progress_(&progress) {}
  void say(std::string_view line) override {
    std::lock_guard lock(mutex_);
    progress_->say(line);
  }
  void layer(const Digest& digest, TransferStage stage, uint64_t done, uint64_t total) override {
    std::lock_guard lock(mutex_);
    progress_->layer(digest, stage, done, total);
  }

 private:
  std::mutex mutex_;
  Progress* progress_;
};

// How far one layer is, told often enough for people and seldom enough for the transfer.
class LayerMeter {
 public:
  LayerMeter(Progress& progress, const Digest& digest, TransferStage stage, uint64_t total)
      : progress_(&progress), digest_(digest), stage_(stage), total_(total) {}
  void start() { progress_->layer(digest_, stage_, done_, total_); }
  void restart() { done_ = told_ = 0; }
  void add(uint64_t bytes) {
    done_ += bytes;
    if (done_ - told_ < kStep && done_ != total_) return;
    told_ = done_;
    progress_->layer(digest_, stage_, done_, total_);
  }

 private:
  static constexpr uint64_t kStep = 1 << 20;
  Progress* progress_;
  Digest digest_;
  TransferStage stage_;
  uint64_t done_ = 0, told_ = 0, total_;
};

}  // namespace shoji::images
