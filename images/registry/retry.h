#pragma once
// How long and how often a registry that does not answer well is asked again.
#include <cstdint>

namespace shoji::images {

struct Patience {
  uint32_t retries = 5;
  uint32_t first_wait_ms = 300, longest_wait_ms = 10'000;
  uint32_t longest_retry_after_s = 120;  // a server that asks for more gets an error instead
  int connect_seconds = 15, stall_seconds = 30;
};

class Backoff {
 public:
  explicit Backoff(const Patience& patience) : patience_(patience) {}
  [[nodiscard]] bool exhausted() const { return tried_ >= patience_.retries; }
  [[nodiscard]] uint32_t tried() const { return tried_; }
  void reset() { tried_ = 0; }
  // Sleeps: what the server asked for, or twice as long as before, less a random part, so that clients that failed
  // together do not come back together.
  void wait(uint64_t retry_after_s);

 private:
  Patience patience_;
  uint32_t tried_ = 0;
};

}  // namespace shoji::images
