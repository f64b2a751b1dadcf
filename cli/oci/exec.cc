#include "cli/oci/verbs.h"
#include "runtime/container.h"

namespace shoji::cli::oci {

namespace {

constexpr Option kOptions[] = {
    option<&ExecOptions::console_socket>("console-socket", 0,
                                         "AF_UNIX socket that is sent the master end of the terminal"),
    option<&ExecOptions::cwd>("cwd", 0, "working directory in the container"),
    option<&ExecOptions::env>("env", 'e', "set an environment variable, NAME=VALUE"),
    option<&ExecOptions::tty>("tty", 't', "give the program a terminal"),
    option<&ExecOptions::user>("user", 'u', "UID[:GID] of the program"),
    option<&ExecOptions::additional_gids>("additional-gids", 'g', "a further group of the program"),
    option<&ExecOptions::process_file>("process", 'p',
                                       "file with a process object; other options do not count then"),
    option<&ExecOptions::detach>("detach", 'd', "leave the program running"),
    option<&ExecOptions::pid_file>("pid-file", 0, "file to write the process id to"),
    option<&ExecOptions::process_label>("process-label", 0, "SELinux label of the program"),
    option<&ExecOptions::apparmor>("apparmor", 0, "AppArmor profile of the program"),
    option<&ExecOptions::no_new_privs>("no-new-privs", 0, "set no_new_privs"),
    option<&ExecOptions::caps>("cap", 'c', "give the program a further capability"),
    option<&ExecOptions::preserve_fds>("preserve-fds", 0,
                                       "pass this many descriptors from 3 on to the program", "0"),
    option<&ExecOptions::cgroup>("cgroup", 0, "run the program in this cgroup below the container's"),
    option<&ExecOptions::ignore_paused>("ignore-paused", 0, "also when the container is paused"),
};

Result<int> exec(const Globals& globals, ExecOptions& options, Arguments& arguments) {
  options.root = globals.root;
  options.id = arguments[0];
  options.args.assign(arguments.begin() + 1, arguments.end());
  if (options.args.empty() && options.process_file.empty())
    return fail(Kind::kInvalid, "nothing to run: a command or --process is needed");
  return exec_in_container(options);
}

}  // namespace

constinit const Verb exec_verb = {
    .name = "exec",
    .arguments = "<container-id> <command> [arguments...]",
    .summary = "run a further program in a container",
    .description =
        "   Options come before the container's id: what follows it is the command.\n"
        "   Exits as the program exits; 255 when it could not be run.",
    .options = kOptions,
    .min_arguments = 1,
    .order = Order::kOptionsFirst,
    .failure_code = kExitExecFailed,
    .names_subject = true,
    .candidates = kContainerIds,
    .run = parse_and_run<ExecOptions, exec>,
};

}  // namespace shoji::cli::oci
