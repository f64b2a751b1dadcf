#pragma once
// Lists of CPUs or memory nodes: "0-3,8" (cpuset(7), "List format").
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji {

// The bit mask as the kernel takes it: bytes, lowest number first, a multiple of 8. `name` is the property in errors.
Result<std::string> cpu_list_mask(std::string_view list, std::string_view name);

}  // namespace shoji
