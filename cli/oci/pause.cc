// pause and resume.
#include "cli/oci/verbs.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

namespace {

Result<int> pause(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY(pause_container(globals.root, arguments[0]));
  return kExitOk;
}

Result<int> resume(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY(resume_container(globals.root, arguments[0]));
  return kExitOk;
}

}  // namespace

constinit const Verb pause_verb = {
    .name = "pause",
    .arguments = "<container-id>",
    .summary = "stop all processes of a container where they are",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<NoOptions, pause>,
};

constinit const Verb resume_verb = {
    .name = "resume",
    .arguments = "<container-id>",
    .summary = "let the processes of a paused container go on",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<NoOptions, resume>,
};

}  // namespace shoji::cli::oci
