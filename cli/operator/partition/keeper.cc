// Verbs that shoji calls itself by.
#include <fcntl.h>

#include "cli/operator/partition/world.h"
#include "cli/operator/verbs.h"
#include "runtime/keeper/keeper.h"

namespace shoji::cli::op {

namespace {

struct KeeperVerbOptions {
  uint32_t report = 0;
};
constexpr Option kKeeperOptions[] = {
    option<&KeeperVerbOptions::report>("report", 0, "descriptor that is told of the start"),
};

Result<int> keeper(const Globals& globals, KeeperVerbOptions& options, Arguments& arguments) {
  int report = options.report > 2 ? static_cast<int>(options.report) : -1;
  if (report >= 0) fcntl(report, F_SETFD, FD_CLOEXEC);
  TRY(keep_partition({.store = open_partitions(globals),
                      .state = containers_of(globals),
                      .name = arguments[0],
                      .cleanup = {"/proc/self/exe", "--root", globals.root, "--run", globals.run, "--store",
                                  globals.store, "--config", globals.config, "settle", arguments[0]},
                      .report = report}));
  return kExitOk;
}

// Takes back what was prepared for a partition that is down for good, and the partition itself if it was to go then.
Result<int> settle(const Globals& globals, NoOptions& /*options*/, Arguments& arguments) {
  TRY_ASSIGN(images::Store images, open_store(globals, images::Store::Access::kWrite));
  World world(std::move(images), globals);
  TRY_ASSIGN(PartitionDefinition definition, world.world.partitions.load(arguments[0]));
  TRY(clean_run(world.world, definition));
  if (!definition.remove) return kExitOk;
  TRY_ASSIGN(PartitionStore::Locked locked, world.world.partitions.lock(arguments[0]));
  TRY(remove_partition(world, locked));
  return kExitOk;
}

}  // namespace

constinit const Verb keeper_verb = {
    .name = "keeper",
    .arguments = "<partition>",
    .summary = "keep a prepared partition; shoji calls itself so",
    .options = kKeeperOptions,
    .min_arguments = 1,
    .max_arguments = 1,
    .hidden = true,
    .names_subject = true,
    .run = parse_and_run<KeeperVerbOptions, keeper>,
};
constinit const Verb settle_verb = {
    .name = "settle",
    .arguments = "<partition>",
    .summary = "clean up after a partition that ended; keepers call it",
    .min_arguments = 1,
    .max_arguments = 1,
    .hidden = true,
    .names_subject = true,
    .run = parse_and_run<NoOptions, settle>,
};

}  // namespace shoji::cli::op
