#include "cli/oci/verbs.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

namespace {

Result<int> start(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY(start_container(globals.root, arguments[0]));
  return kExitOk;
}

}  // namespace

constinit const Verb start_verb = {
    .name = "start",
    .arguments = "<container-id>",
    .summary = "run the program of a created container",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<NoOptions, start>,
};

}  // namespace shoji::cli::oci
