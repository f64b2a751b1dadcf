#include "cli/oci/bundle_options.h"
#include "cli/oci/verbs.h"

namespace shoji::cli::oci {

namespace {

constexpr Option kOptions[] = {
    kBundleOption,
    kConfigOption,
    kConsoleSocketOption,
    option<&CreateOptions::detach>("detach", 'd', "leave the container running"),
    option<&CreateOptions::keep>("keep", 0, "do not delete the container when its program ends"),
    kPidFileOption,
    option<&CreateOptions::no_subreaper>("no-subreaper", 0,
                                         "do not become the parent of orphans of the container"),
    kNoPivotOption,
    kNoNewKeyringOption,
    kPreserveFdsOption,
};

Result<int> run(const Globals& globals, CreateOptions& options, Arguments& arguments) {
  options.root = globals.root;
  options.id = arguments[0];
  return run_container(options);
}

}  // namespace

constinit const Verb run_verb = {
    .name = "run",
    .arguments = "<container-id>",
    .summary = "create and run a container",
    .description =
        "   Runs the container's program, hands it signals and the terminal, and exits as it exits: with "
        "its\n"
        "   status, or with 128 + N when signal N ended it. Then the container is deleted.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<CreateOptions, run>,
};

}  // namespace shoji::cli::oci
