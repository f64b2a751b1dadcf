#pragma once
// The config.json (runtime-spec config.md) of a partition: pure, from what the operator said, what the image says and
// what was made for it. It is one that CRIU can dump: the network namespace is pinned outside, no file of the host is
// open inside, the cgroup view is a namespace of its own.
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "spec/partition/partition.h"

namespace shoji {

// What of an image's configuration a partition starts with (image-spec config.md).
struct ImageDefaults {
  std::vector<std::string> entrypoint, cmd, env;
  std::string user, working_dir, stop_signal;
};

// What was resolved or made before.
struct PartitionGround {
  std::string rootfs;            // absolute
  uint32_t uid = 0, gid = 0;     // of the program, inside
  std::vector<uint32_t> groups;  // additional ones
  std::optional<std::pair<uint32_t, uint32_t>>
      ids;                   // its range on the host: first, count; none: the host's ids
  std::string cgroups_path;  // linux.cgroupsPath
  std::string netns;         // pinned; empty: the host's
  std::string names;         // directory with hosts, hostname, resolv.conf; empty: none
  std::string secrets;       // directory in memory with the secrets' files, by their index
  std::vector<std::pair<std::string, std::string>> volumes;  // named volume -> its directory on the host
  uint64_t host_memory = 0;                                  // bytes, for parts of the host
  uint32_t cpus = 1;                                         // of the host
  std::optional<std::pair<uint32_t, uint32_t>> disk;         // device of the store, for I/O limits
  std::string seccomp;                                       // JSON of linux.seccomp; empty: none
};

// Errors name the JSON pointer in the partition's document.
Result<std::string> oci_config(const Partition& partition, const ImageDefaults& image,
                               const PartitionGround& ground);

// The command line: the document's, else the image's. Nothing to run is an error.
Result<std::vector<std::string>> partition_arguments(const Partition& partition, const ImageDefaults& image);

}  // namespace shoji
