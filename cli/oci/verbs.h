#pragma once
// Every verb, each defined in the file of its name.
#include "cli/oci/verb.h"

namespace shoji::cli {

extern const Verb kCreateVerb, kDeleteVerb, kExecVerb, kFeaturesVerb, kKillVerb, kListVerb, kPauseVerb,
    kPsVerb, kResumeVerb, kRunVerb, kSpecVerb, kStartVerb, kStateVerb;
// Verbs of runc that this runtime does not have (refused.cc).
extern const Verb kCheckpointVerb, kEventsVerb, kRestoreVerb, kUpdateVerb;
extern const Verb kCompletionVerb;

}  // namespace shoji::cli
