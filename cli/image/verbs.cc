// The table of verbs, a part of shoji's.
#include "cli/image/verbs.h"

namespace shoji::cli::image {

namespace {

constexpr const Verb* kImageVerbs[] = {&import_verb, &verify_verb, &prepare_verb};
constexpr Verb kImage = {.name = "image", .summary = "work with images", .verbs = kImageVerbs};

constexpr const Verb* kRootVerbs[] = {&commit_verb};
constexpr Verb kRoot = {.name = "root", .summary = "work with roots", .verbs = kRootVerbs};

constexpr const Verb* kTemplateVerbs[] = {&template_build_verb, &template_ls_verb, &template_show_verb};
constexpr Verb kTemplate = {
    .name = "template", .summary = "make images of packages", .verbs = kTemplateVerbs};

constexpr const Verb* kVerbs[] = {&pull_verb, &push_verb, &login_verb, &logout_verb, &load_verb,
                                  &save_verb, &kImage,    &kRoot,      &kTemplate};

}  // namespace

std::span<const Verb* const> image_verbs() {
  return kVerbs;
}

}  // namespace shoji::cli::image
