#include <fcntl.h>

#include "base/io.h"
#include "cli/operator/partition/world.h"
#include "cli/operator/verbs.h"
#include "runtime/container.h"
#include "runtime/users.h"

namespace shoji::cli::op {

namespace {

constexpr Option kOptions[] = {
    option<&ExecOptions::env>("env", 'e', "NAME=VALUE; may be repeated"),
    option<&ExecOptions::cwd>("workdir", 'w', "working directory inside", "the partition's"),
    option<&ExecOptions::user>("user", 'u', "USER[:GROUP] of the program", "the partition's"),
    option<&ExecOptions::tty>("tty", 't', "give the program a terminal"),
    option<&ExecOptions::detach>("detach", 'd', "leave the program running"),
};

// The runtime takes numbers; names are those of the partition's own files.
Result<> resolve_user(const Globals& globals, const PartitionDefinition& definition, ExecOptions& options) {
  if (options.user.empty()) return {};
  TRY_ASSIGN(ContainerView view, view_container(options.root, options.id));
  std::string path = definition.document.rootfs.empty()
                         ? cat(open_partitions(globals).run_directory(definition.document.name), "/root")
                         : definition.document.rootfs;
  TRY_ASSIGN(UniqueFd root, open_file(path, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(FoundUser user, find_user(root.get(), options.user));
  options.user = cat(user.uid, ':', user.gid);
  options.additional_gids = user.groups;
  return {};
}

Result<int> exec(const Globals& globals, ExecOptions& options, Arguments& arguments) {
  PartitionStore store = open_partitions(globals);
  TRY_ASSIGN(std::string name, store.resolve(arguments[0]));
  TRY_ASSIGN(PartitionView view, view_partition(globals, name));
  if (!view.run || view.run->pid == 0) return fail(Kind::kState, "it does not run");
  options.root = containers_of(globals);
  options.id = view.definition.id;
  options.args.assign(arguments.begin() + 1, arguments.end());
  TRY(resolve_user(globals, view.definition, options));
  return exec_in_container(options);
}

Result<int> pause(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::string name, open_partitions(globals).resolve(arguments[0]));
  TRY_ASSIGN(PartitionDefinition definition, open_partitions(globals).load(name));
  TRY(pause_container(containers_of(globals), definition.id));
  TRY(print(name + "\n"));
  return kExitOk;
}

Result<int> resume(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::string name, open_partitions(globals).resolve(arguments[0]));
  TRY_ASSIGN(PartitionDefinition definition, open_partitions(globals).load(name));
  TRY(resume_container(containers_of(globals), definition.id));
  TRY(print(name + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb exec_verb = {
    .name = "exec",
    .arguments = "<partition> <command> [arguments...]",
    .summary = "run a further program in a partition",
    .description =
        "   Options come before the partition: what follows it is the command. Exits as the program exits.",
    .options = kOptions,
    .min_arguments = 2,
    .order = Order::kOptionsFirst,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<ExecOptions, exec>,
};
constinit const Verb pause_verb = {
    .name = "pause",
    .arguments = "<partition>",
    .summary = "let everything in a partition stand still",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<NoOptions, pause>,
};
constinit const Verb resume_verb = {
    .name = "resume",
    .arguments = "<partition>",
    .summary = "let a paused partition go on",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<NoOptions, resume>,
};

}  // namespace shoji::cli::op
