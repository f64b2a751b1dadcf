#pragma once
// Every verb, each defined in the file of its name.
#include "cli/oci/verb.h"

namespace shoji::cli {

extern const Verb create_verb, delete_verb, exec_verb, features_verb, kill_verb, list_verb, pause_verb,
    ps_verb, resume_verb, run_verb, spec_verb, start_verb, state_verb;
// Verbs of runc that this runtime does not have (refused.cc).
extern const Verb checkpoint_verb, events_verb, restore_verb, update_verb;
extern const Verb completion_verb;

}  // namespace shoji::cli
