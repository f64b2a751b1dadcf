#pragma once
// What verbs on partitions stand on: the stores of partitions and images, networks by way of shoji-net, keepers.
#include "cli/operator/open_store.h"
#include "runtime/partition/prepare.h"

namespace shoji::cli::op {

// Completes the names of partitions.
inline constexpr std::string_view kPartitionNames = "ps -a -o name --no-heading";

// The images, and what leads to them. Not to be moved: the world points into it.
struct World {
  images::Store images;
  PartitionWorld world;
  World(images::Store store, const Globals& globals);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
};
// The store of partitions alone, for verbs that need no image.
PartitionStore open_partitions(const Globals& globals);
// Where the containers of partitions keep their state.
std::string containers_of(const Globals& globals);
std::string control_of(const Globals& globals, std::string_view name);

struct Kept {
  UniqueFd end;      // what the keeper will say of the end can be read here: "exited CODE\n"
  pid_t keeper = 0;  // our child
};
// Starts a keeper for a prepared partition; returns when its program runs.
Result<Kept> start_keeper(const Globals& globals, const std::string& name);
// Prepares the partition and starts its keeper; on an error everything is taken back.
Result<Kept> start_partition(const Globals& globals, const World& world,
                             const PartitionDefinition& definition);
// Ends its program and waits until everything around it is gone.
Result<> stop_partition(const Globals& globals, const std::string& name, std::string_view signal,
                        uint64_t milliseconds);
// Root, definition and log of one that does not run.
Result<> remove_partition(const World& world, const PartitionStore::Locked& locked);

// Derived from the facts.
struct PartitionView {
  PartitionDefinition definition;
  PartitionStatus status = PartitionStatus::kCreated;
  std::optional<PartitionRun> run;
  std::optional<PartitionExit> exit;
};
Result<PartitionView> view_partition(const Globals& globals, const std::string& name);

}  // namespace shoji::cli::op
