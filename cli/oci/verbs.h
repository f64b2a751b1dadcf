#pragma once
// Every verb, each defined in the file of its name.
#include "cli/oci/verb.h"

namespace shoji::cli::oci {

extern const Verb create_verb, delete_verb, exec_verb, features_verb, kill_verb, list_verb, pause_verb,
    ps_verb, resume_verb, run_verb, spec_verb, start_verb, state_verb;
// Verbs of runc that this runtime does not have (refused.cc).
extern const Verb checkpoint_verb, events_verb, restore_verb, update_verb;
extern const Verb completion_verb;

// The order is that of the help.
inline constexpr const Verb* kVerbs[] = {
    &create_verb, &delete_verb,     &exec_verb,   &features_verb, &kill_verb,   &list_verb,
    &pause_verb,  &ps_verb,         &resume_verb, &run_verb,      &spec_verb,   &start_verb,
    &state_verb,  &checkpoint_verb, &events_verb, &restore_verb,  &update_verb, &completion_verb,
};

}  // namespace shoji::cli::oci
