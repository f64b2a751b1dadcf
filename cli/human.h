#pragma once
// Figures as people read and write them.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/quantity.h"

namespace shoji::cli {

std::string human_size(uint64_t bytes);  // "512 B", "1.5 KiB", "147 MiB"
std::string human_age(int64_t seconds);  // "5 seconds", "2 hours", "3 weeks"
// "1 layer", "3 layers"
std::string counted(uint64_t count, std::string_view noun);
std::string utc_time(int64_t seconds_since_epoch);         // RFC 3339: "2024-01-02T03:04:05Z"
Result<int64_t> parse_utc_time(std::string_view rfc3339);  // fractions and offsets are understood

// Text of strangers on a terminal: control characters are escaped, so that none of it commands the terminal.
std::string printable(std::string_view text);
// Columns it takes up: code points, which is right for all but wide and combining characters.
size_t display_width(std::string_view text);

}  // namespace shoji::cli
