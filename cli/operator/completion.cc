#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

Result<int> completion(const Globals& /*globals*/, NoOptions& /*options*/, Arguments& /*arguments*/) {
  TRY(print(bash_completion(describe(operator_verbs()))));
  return kExitOk;
}

}  // namespace

constinit const Verb completion_verb = {
    .name = "completion",
    .summary = "print the completion script for bash",
    .max_arguments = 0,
    .hidden = true,
    .run = parse_and_run<NoOptions, completion>,
};

}  // namespace shoji::cli::op
