// start, stop, restart, kill, wait, rm.
#include <csignal>

#include "base/quantity.h"
#include "cli/operator/partition/world.h"
#include "cli/operator/verbs.h"
#include "runtime/container.h"
#include "runtime/keeper/control.h"
#include "spec/names.h"

namespace shoji::cli::op {

namespace {

struct StopOptions {
  std::optional<std::string> signal, time;
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    if (signal)
      if (auto parsed = parse_signal(*signal); !parsed) return Failure(within("--signal", parsed.error()));
    if (time)
      if (auto parsed = parse_duration(*time); !parsed) return Failure(within("--time", parsed.error()));
    return {};
  }
};
constexpr Option kStopOptions[] = {
    option<&StopOptions::signal>("signal", 's', "that asks it to end", "the partition's"),
    option<&StopOptions::time>("time", 't', "until it is killed, as 10s", "the partition's"),
};

struct KillOptions {
  std::string signal = "KILL";
  [[nodiscard]] Result<> check(const Arguments& /*arguments*/) const {
    auto parsed = parse_signal(signal);
    return parsed ? Result<>() : Failure(within("--signal", parsed.error()));
  }
};
constexpr Option kKillOptions[] = {
    option<&KillOptions::signal>("signal", 's', "to be sent", "KILL"),
};

struct RmOptions {
  bool force = false;
};
constexpr Option kRmOptions[] = {
    option<&RmOptions::force>("force", 'f', "stop it first"),
};

// Every name of the command line; the first error ends it.
template <typename Act>
Result<int> for_each(const Globals& globals, const Arguments& arguments, Act act) {
  PartitionStore store = open_partitions(globals);
  for (const std::string& argument : arguments) {
    TRY_ASSIGN(std::string name, store.resolve(argument));
    if (Result<> done = act(name); !done)
      return Failure(arguments.size() > 1 ? within(quote(name), done.error()) : done.error());
    TRY(print(name + "\n"));
  }
  return kExitOk;
}

bool runs(const PartitionView& view) {
  return view.status != PartitionStatus::kCreated && view.status != PartitionStatus::kExited;
}

Result<> set_wanted(const PartitionStore& store, const std::string& name, bool wanted) {
  TRY_ASSIGN(PartitionStore::Locked locked, store.lock(name));
  TRY_ASSIGN(PartitionDefinition definition, store.load(name));
  if (definition.wanted == wanted) return {};
  definition.wanted = wanted;
  return store.save(locked, definition);
}

// What the partition's document, its image and the options say.
Result<std::string> stop_signal_of(const Globals& globals, const PartitionDefinition& definition,
                                   const StopOptions& options) {
  if (options.signal) return *options.signal;
  if (!definition.document.stop_signal.empty()) return definition.document.stop_signal;
  if (definition.document.image.empty()) return std::string("SIGTERM");
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kRead));
  auto image = images::find_image(images, definition.image);
  bool said = image && !image->config.stop_signal.empty();
  return said ? image->config.stop_signal : std::string("SIGTERM");
}

Result<int> start(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  return for_each(globals, arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(PartitionView view, view_partition(globals, name));
    if (view.status == PartitionStatus::kUnkept) TRY(start_keeper(globals, name));
    if (runs(view)) return {};
    TRY(set_wanted(world.world.partitions, name, true));
    TRY(start_partition(globals, world, view.definition));
    return {};
  });
}

Result<int> stop(const Globals& globals, StopOptions& options, Arguments& arguments) {
  return for_each(globals, arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(PartitionView view, view_partition(globals, name));
    TRY(set_wanted(open_partitions(globals), name, false));
    if (!runs(view)) return {};
    TRY_ASSIGN(std::string signal, stop_signal_of(globals, view.definition, options));
    uint64_t patience = view.definition.document.stop_timeout;
    if (options.time) patience = parse_duration(*options.time).value_or(patience);
    return stop_partition(globals, name, signal, patience);
  });
}

Result<int> restart(const Globals& globals, StopOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  return for_each(globals, arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(PartitionView view, view_partition(globals, name));
    if (!runs(view)) {
      TRY(start_partition(globals, world, view.definition));
      return {};
    }
    if (view.status == PartitionStatus::kUnkept) TRY(start_keeper(globals, name));
    TRY_ASSIGN(std::string signal, stop_signal_of(globals, view.definition, options));
    uint64_t patience = view.definition.document.stop_timeout;
    if (options.time) patience = parse_duration(*options.time).value_or(patience);
    TRY(ask_keeper(control_of(globals, name), cat("restart ", signal, ' ', patience)));
    return {};
  });
}

Result<int> kill(const Globals& globals, KillOptions& options, Arguments& arguments) {
  return for_each(globals, arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(PartitionView view, view_partition(globals, name));
    if (!runs(view)) return fail(Kind::kState, "it does not run");
    TRY_ASSIGN(int signal, parse_signal(options.signal));
    return signal_container(containers_of(globals), view.definition.id, signal, false);
  });
}

Result<int> wait(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(std::string name, open_partitions(globals).resolve(arguments[0]));
  TRY_ASSIGN(PartitionView view, view_partition(globals, name));
  if (view.status == PartitionStatus::kUnkept) TRY(start_keeper(globals, name));
  if (auto answer = ask_keeper(control_of(globals, name), "wait")) {
    TRY(print(answer->substr(answer->find(' ') + 1) + "\n"));
    return kExitOk;
  }
  TRY_ASSIGN(std::optional<PartitionExit> exit, open_partitions(globals).load_exit(name));
  if (!exit) return fail(Kind::kState, "it has never run");
  TRY(print(cat(exit->code, '\n')));
  return kExitOk;
}

Result<int> rm(const Globals& globals, RmOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  return for_each(globals, arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(PartitionView view, view_partition(globals, name));
    if (runs(view)) {
      if (!options.force)
        return fail(Kind::kState, cat("it is ", status_name(view.status), ": stop it first, or use --force"));
      TRY(stop_partition(globals, name, "SIGKILL", 0));
    }
    auto locked = world.world.partitions.lock(name);
    // One that was to go when it ended is gone.
    if (!locked) return locked.error().kind == Kind::kNotFound ? Result<>() : Failure(locked.error());
    return remove_partition(world, *locked);
  });
}

}  // namespace

constinit const Verb start_verb = {
    .name = "start",
    .arguments = "<partition>...",
    .summary = "run partitions that do not",
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<NoOptions, start>,
};
constinit const Verb stop_verb = {
    .name = "stop",
    .arguments = "<partition>...",
    .summary = "end partitions' programs, and keep them down",
    .options = kStopOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<StopOptions, stop>,
};
constinit const Verb restart_verb = {
    .name = "restart",
    .arguments = "<partition>...",
    .summary = "end partitions' programs and run them anew",
    .options = kStopOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<StopOptions, restart>,
};
constinit const Verb kill_verb = {
    .name = "kill",
    .arguments = "<partition>...",
    .summary = "send a signal to partitions' programs",
    .options = kKillOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<KillOptions, kill>,
};
constinit const Verb wait_verb = {
    .name = "wait",
    .arguments = "<partition>",
    .summary = "wait until a partition is down for good, and print its exit code",
    .min_arguments = 1,
    .max_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<NoOptions, wait>,
};
constinit const Verb rm_verb = {
    .name = "rm",
    .arguments = "<partition>...",
    .summary = "remove partitions with their roots and logs",
    .options = kRmOptions,
    .min_arguments = 1,
    .names_subject = true,
    .candidates = kPartitionNames,
    .run = parse_and_run<RmOptions, rm>,
};

}  // namespace shoji::cli::op
