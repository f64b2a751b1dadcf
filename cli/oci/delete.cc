#include "cli/oci/verbs.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

namespace {

struct DeleteOptions {
  bool force = false;
};

constexpr Option kOptions[] = {
    option<&DeleteOptions::force>("force", 'f', "kill what still runs; an unknown container is fine"),
};

Result<int> remove(const Globals& globals, DeleteOptions& options, Arguments& arguments) {
  TRY(delete_container(globals.root, arguments[0], options.force));
  return kExitOk;
}

}  // namespace

constinit const Verb delete_verb = {
    .name = "delete",
    .arguments = "<container-id>",
    .summary = "remove a container that does not run, and all that it left",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<DeleteOptions, remove>,
};

}  // namespace shoji::cli::oci
