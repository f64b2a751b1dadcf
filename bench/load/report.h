#pragma once
// What a run of bench/load saw.
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/histogram.h"

namespace shoji::load {

enum class FailureKind : uint8_t {
  kRefused,
  kReset,
  kClosed,
  kShort,
  kTimeout,
  kUnreachable,
  kStatus,
  kMalformed,
  kLocal,
};
inline constexpr size_t kFailureKinds = 9;
std::string_view failure_name(FailureKind kind);
std::string_view failure_meaning(FailureKind kind);

// Requests of one sort: each on a connection of its own, or on connections that are kept.
struct StreamReport {
  uint64_t planned = 0, answered = 0, failed = 0;
  Histogram
      latency;  // nanoseconds from when the request was due to its last byte; answered ones after the warm-up
};

struct FailureExample {
  FailureKind kind = FailureKind::kLocal;
  uint64_t at = 0;   // nanoseconds after the start, when it was known
  uint64_t due = 0;  // and when the request was due
  bool kept = false;
  std::string text;
};

struct Report {
  uint64_t started = 0;  // CLOCK_MONOTONIC, nanoseconds
  uint64_t lasted = 0;
  StreamReport fresh, kept;
  uint64_t connections = 0;  // that were tried
  uint64_t reconnected = 0;  // kept ones that the server closed between requests
  uint64_t reopened = 0;     // requests sent again, because such a close crossed them (RFC 9112, 9.3.1)
  uint64_t body_bytes = 0;
  std::array<uint64_t, kFailureKinds> failures{};
  uint64_t first_failure = 0, last_failure = 0;  // nanoseconds after the start
  std::vector<FailureExample> examples;
  std::map<std::string, uint64_t> tally;  // answers by the value of a header field
  Histogram lag;  // how late this program itself was with what was due: not the server's fault

  [[nodiscard]] uint64_t failed() const { return fresh.failed + kept.failed; }
};

std::string print_json(const Report& report);
std::string print_text(const Report& report);

}  // namespace shoji::load
