#pragma once
// Quantities as people write them in documents and on command lines, and back.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji {

// "10G", "1.5 GiB", "512": K, M, G, T and P are powers of 1024.
Result<uint64_t> parse_size(std::string_view text);
// The shortest text that parse_size() reads as the same: "64M", "1536K", "1000".
std::string print_size(uint64_t bytes);

// Milliseconds from "500ms", "10s", "1m30s", "2h", "1d"; a number alone is seconds, as in podman.
Result<uint64_t> parse_duration(std::string_view text);
std::string print_duration(uint64_t milliseconds);

// Thousandths of a CPU from "50%" (of one CPU) or "1.5" (CPUs).
Result<uint64_t> parse_cpus(std::string_view text);
std::string print_cpus(uint64_t thousandths);  // "50%", "150%", "12.5%"

}  // namespace shoji
