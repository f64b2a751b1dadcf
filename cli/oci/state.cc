#include "cli/oci/verbs.h"
#include "runtime/inspect.h"

namespace shoji::cli::oci {

namespace {

Result<int> state(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(ContainerView view, view_container(globals.root, arguments[0]));
  TRY(print(print_state(state_document(view.facts, view.status, view.pid)) + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb state_verb = {
    .name = "state",
    .arguments = "<container-id>",
    .summary = "print the state of a container as JSON",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<NoOptions, state>,
};

}  // namespace shoji::cli::oci
