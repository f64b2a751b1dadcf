#pragma once
// What stands around a partition's program while it runs: its root mounted, its networks attached, its names and secrets
// as files, its configuration written. prepare_run() makes it before a keeper launches the program, clean_run() takes it
// back when the program is down for good; each may be killed at any moment and be called again.
#include <functional>
#include <string>

#include "images/roots/root.h"
#include "runtime/partition/oci_config.h"
#include "runtime/partition/store.h"

namespace shoji {

struct PartitionWorld {
  PartitionStore partitions;
  const images::Store* images = nullptr;
  std::string root = "/var/lib/shoji", run = "/run/shoji";
  // Executes `shoji network apply -` with this document on standard input.
  std::function<Result<>(const std::string& document)> apply_networks;
};

// The partition is locked by the caller and does not run.
Result<> prepare_run(const PartitionWorld& world, const PartitionDefinition& definition);
Result<> clean_run(const PartitionWorld& world, const PartitionDefinition& definition);

// The documents of `network apply` that attach a partition's networks, and release them.
std::string networks_to_attach(const Partition& partition);
std::string networks_to_release(const std::string& partition);
// Path of the namespace that its program joins; empty: the host's.
std::string netns_of(const PartitionWorld& world, const Partition& partition);

}  // namespace shoji
