#pragma once
// What a transfer tells while it runs; cli/ draws it. Called from several threads, one call at a time.
#include <cstdint>
#include <string_view>

#include "images/store/digest.h"

namespace shoji::images {

enum class TransferStage : uint8_t {
  kWaiting,
  kDownloading,
  kUnpacking,
  kDone,
  kAlreadyThere,
  kUploading,
  kMounted
};

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void say(std::string_view line) = 0;  // "pulling registry/x:1"
  // `total` 0: unknown.
  virtual void layer(const Digest& digest, TransferStage stage, uint64_t done, uint64_t total) = 0;
};

}  // namespace shoji::images
