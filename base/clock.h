#pragma once
// Wall-clock time as text.
#include <cstdint>
#include <string>

namespace shoji {

enum class TimeDigits : uint8_t { kSeconds, kNanoseconds };

// RFC 3339 in UTC: "2026-11-23T17:10:54Z", "2026-11-23T17:10:54.045034029Z".
std::string rfc3339_now(TimeDigits digits);

}  // namespace shoji
