#include "cli/oci/bundle_options.h"
#include "cli/oci/verbs.h"

namespace shoji::cli::oci {

namespace {

constexpr Option kOptions[] = {kBundleOption,  kConfigOption,       kConsoleSocketOption, kPidFileOption,
                               kNoPivotOption, kNoNewKeyringOption, kPreserveFdsOption};

Result<int> create(const Globals& globals, CreateOptions& options, Arguments& arguments) {
  options.root = globals.root;
  options.id = arguments[0];
  TRY(create_container(options));
  return kExitOk;
}

}  // namespace

constinit const Verb create_verb = {
    .name = "create",
    .arguments = "<container-id>",
    .summary = "create a container",
    .description =
        "   Makes everything of the container and stops short of its program, which `start` lets go.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<CreateOptions, create>,
};

}  // namespace shoji::cli::oci
