#include "cli/operator/verbs.h"

namespace shoji::cli::op {

namespace {

struct CompletionOptions {
  [[nodiscard]] static Result<> check(const Arguments& arguments) {
    if (arguments.empty() || arguments[0] == "bash" || arguments[0] == "zsh") return {};
    return fail(Kind::kInvalid,
                cat("there is no script for ", quote(arguments[0]), ", but for bash and zsh"));
  }
};

Result<int> completion(const Globals& /*globals*/, CompletionOptions& /*options*/, Arguments& arguments) {
  Program program = describe(operator_verbs());
  bool zsh = !arguments.empty() && arguments[0] == "zsh";
  TRY(print(zsh ? zsh_completion(program) : bash_completion(program)));
  return kExitOk;
}

}  // namespace

constinit const Verb completion_verb = {
    .name = "completion",
    .arguments = "[bash|zsh]",
    .summary = "print the completion script for a shell",
    .max_arguments = 1,
    .hidden = true,
    .run = parse_and_run<CompletionOptions, completion>,
};

}  // namespace shoji::cli::op
