// The verb table: the order is that of the help.
#include "cli/oci/verbs.h"

namespace shoji::cli {

namespace {

constexpr const Verb* kVerbs[] = {
    &create_verb, &delete_verb,     &exec_verb,   &features_verb, &kill_verb,   &list_verb,
    &pause_verb,  &ps_verb,         &resume_verb, &run_verb,      &spec_verb,   &start_verb,
    &state_verb,  &checkpoint_verb, &events_verb, &restore_verb,  &update_verb, &completion_verb,
};

}  // namespace

std::span<const Verb* const> verbs() {
  return kVerbs;
}

const Verb* find_verb(std::string_view name) {
  for (const Verb* verb : kVerbs)
    if (verb->name == name) return verb;
  return nullptr;
}

}  // namespace shoji::cli
