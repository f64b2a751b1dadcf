#pragma once
// Lists of CPUs and NUMA nodes as cpuset(7) writes them: "0-3,8".
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji {

// As a mask, bit 0 of the first word is number 0. Blanks are taken anywhere; "" is an empty mask. The error
// quotes the text. Numbers go up to 8191 (the kernel's largest NR_CPUS).
Result<std::vector<uint64_t>> parse_cpu_list(std::string_view text);

}  // namespace shoji
