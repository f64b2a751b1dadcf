#pragma once
// Every verb of shoji, each defined in the file of its name.
#include "cli/operator/handed_over.h"
#include "cli/operator/program.h"

namespace shoji::cli::op {

extern const Verb completion_verb, history_verb, image_ls_verb, image_rm_verb, images_verb, inspect_verb,
    prune_verb, tag_verb;

std::span<const Verb* const> operator_verbs();

}  // namespace shoji::cli::op
