// The table of verbs, a part of shoji's.
#include "cli/image/verbs.h"

namespace shoji::cli::image {

std::span<const Verb* const> image_verbs() {
  return {};
}

}  // namespace shoji::cli::image
