// The verb table: the order is that of the help.
#include "cli/oci/verbs.h"

namespace shoji::cli {

namespace {

constexpr const Verb* kVerbs[] = {
    &kCreateVerb, &kDeleteVerb,     &kExecVerb,   &kFeaturesVerb, &kKillVerb,   &kListVerb,
    &kPauseVerb,  &kPsVerb,         &kResumeVerb, &kRunVerb,      &kSpecVerb,   &kStartVerb,
    &kStateVerb,  &kCheckpointVerb, &kEventsVerb, &kRestoreVerb,  &kUpdateVerb, &kCompletionVerb,
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
