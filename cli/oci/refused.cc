// Verbs of runc that this runtime does not have: each says so in one sentence.
#include "cli/oci/verbs.h"

namespace shoji::cli::oci {

namespace {

int refuse(const Call& call) {
  report(Error{Kind::kUnsupported, 0, cat(call.path, ": not supported by shoji-oci")});
  return kExitError;
}

}  // namespace

constinit const Verb checkpoint_verb = {.name = "checkpoint", .hidden = true, .run = refuse};
constinit const Verb events_verb = {.name = "events", .hidden = true, .run = refuse};
constinit const Verb restore_verb = {.name = "restore", .hidden = true, .run = refuse};
constinit const Verb update_verb = {.name = "update", .hidden = true, .run = refuse};

}  // namespace shoji::cli::oci
