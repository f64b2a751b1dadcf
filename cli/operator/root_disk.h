#pragma once
#include <string>

#include "images/store/store.h"

namespace shoji::cli::op {

// The directory that a root's limit holds for.
std::string root_disk(const images::Store& store, std::string_view name);

}  // namespace shoji::cli::op
