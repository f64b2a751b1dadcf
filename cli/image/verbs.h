#pragma once
// Every verb that shoji hands over, each defined in the file of its name.
#include "cli/operator/handed_over.h"

namespace shoji::cli::image {

// The row of a verb, with what it does.
template <typename Options, auto body>
constexpr Verb acting(Verb verb) {
  verb.run = parse_and_run<Options, body>;
  return verb;
}

extern const Verb commit_verb, import_verb, load_verb, login_verb, logout_verb, prepare_verb, pull_verb,
    push_verb, save_verb, template_build_verb, template_ls_verb, template_show_verb, verify_verb;

std::span<const Verb* const> image_verbs();

}  // namespace shoji::cli::image
