// The table of verbs, a part of shoji's.
#include "cli/image/verbs.h"

namespace shoji::cli::image {

namespace {

constexpr const Verb* kVerbs[] = {&login_verb, &logout_verb};

}  // namespace

std::span<const Verb* const> image_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::image
