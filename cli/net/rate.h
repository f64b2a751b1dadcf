#pragma once
// Rates as people write them.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji::cli::net {

// Bytes per second. With `bit` behind it bits are meant and K, M, G are powers of 1000, as in tc(8): "100mbit", "1.5gbit",
// "64kbit". Otherwise it is a size, powers of 1024: "12M", "1500K", "125000". "none": 0, no limit.
Result<uint64_t> parse_rate(std::string_view text);
// In bits where that is exact, as parse_rate() reads it: "100mbit", "12M". 0: "none".
std::string print_rate(uint64_t bytes_per_second);

}  // namespace shoji::cli::net
