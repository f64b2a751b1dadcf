#include "cli/oci/verbs.h"
#include "runtime/container.h"
#include "spec/names.h"

namespace shoji::cli::oci {

namespace {

struct KillOptions {
  bool all = false;
};

constexpr Option kOptions[] = {
    option<&KillOptions::all>("all", 'a', "send it to every process of the container"),
};

Result<int> kill(const Globals& globals, KillOptions& options, Arguments& arguments) {
  TRY_ASSIGN(int signal, parse_signal(arguments.size() > 1 ? arguments[1] : "TERM"));
  TRY(signal_container(globals.root, arguments[0], signal, options.all));
  return kExitOk;
}

}  // namespace

constinit const Verb kill_verb = {
    .name = "kill",
    .arguments = "<container-id> [signal]",
    .summary = "send a signal (TERM) to the container's first process",
    .description = "   The signal is a number or a name, with or without SIG: 9, KILL, SIGKILL, RTMIN+3.",
    .options = kOptions,
    .min_arguments = 1,
    .max_arguments = 2,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<KillOptions, kill>,
};

}  // namespace shoji::cli::oci
