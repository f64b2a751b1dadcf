#pragma once
// Every verb that shoji hands over, each defined in the file of its name.
#include "cli/operator/program.h"

namespace shoji::cli::image {

std::span<const Verb* const> image_verbs();

}  // namespace shoji::cli::image
