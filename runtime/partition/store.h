#pragma once
// Partitions on disk. What an operator defined survives a reboot, what runs does not.
//
//   ROOT/partitions/NAME/partition.json   the document (spec/partition), what it was made from, and whether it is to run
//   ROOT/partitions/NAME/exit.json        how the program ended last
//   ROOT/partitions/NAME/log*             what it wrote (runtime/keeper/log_writer.h)
//   RUN/partitions/NAME/run.json          who keeps it, and its first process
//   RUN/partitions/NAME/...               bundle, control socket, exit file, name files
//
// Verbs that change a partition hold flock(2) on its directory below ROOT; listings take no lock at all.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/partition/partition.h"

namespace shoji {

struct PartitionDefinition {
  std::string id;       // 64 hexadecimal digits
  int64_t created = 0;  // seconds since the epoch
  Partition document;
  std::string image;      // what the document's image meant when it was made: its digest
  uint32_t first_id = 0;  // of its range of user and group ids on the host; 0: the host's ids
  bool remove = false;    // when it is down for good
  bool wanted = false;    // started, and not stopped by an operator since
  bool operator==(const PartitionDefinition&) const = default;
};

struct PartitionRun {
  pid_t keeper = 0;
  uint64_t keeper_started = 0;  // clock ticks after boot, as in process_facts()
  pid_t pid = 0;                // the first process; 0 between two runs
  uint64_t pid_started = 0;
  int64_t started = 0;  // seconds since the epoch
  uint32_t restarts = 0;
  std::string health;  // starting, healthy, unhealthy; empty: no check
  bool operator==(const PartitionRun&) const = default;
};

struct PartitionExit {
  int32_t code = 0;    // 128 + signal for one that a signal ended
  int32_t signal = 0;  // 0: it exited
  bool out_of_memory = false;
  std::string limit;   // the cgroup whose memory limit was hit
  std::string reason;  // "exited", "killed by signal 9 (Killed)", "unhealthy", "cannot be started: ..."
  int64_t started = 0, finished = 0;  // seconds since the epoch
  bool operator==(const PartitionExit&) const = default;
};

enum class PartitionStatus : uint8_t {
  kCreated,
  kRunning,
  kPaused,
  kRestarting,
  kStopping,
  kExited,
  kUnkept
};
std::string_view status_name(PartitionStatus status);

class PartitionStore {
 public:
  PartitionStore(std::string root, std::string run) : root_(std::move(root)), run_(std::move(run)) {}

  struct Locked {
    UniqueFd directory;
    std::string name;
  };
  // Takes the name: kExists. What is made is gone again unless save() follows.
  Result<Locked> reserve(std::string_view name) const;
  // By name or unambiguous beginning of an id: kNotFound, kInvalid. Waits some seconds for another verb that is at work.
  Result<Locked> lock(std::string_view name_or_id) const;
  // The name that a name or the beginning of an id means.
  Result<std::string> resolve(std::string_view name_or_id) const;

  Result<> save(const Locked& partition, const PartitionDefinition& definition) const;
  Result<PartitionDefinition> load(std::string_view name) const;
  Result<std::vector<std::string>> names() const;  // sorted
  Result<> remove(const Locked& partition) const;  // both directories
  // The new name must be free; not of one that runs.
  Result<> rename(const Locked& partition, std::string_view to) const;

  // Written by the keeper alone.
  Result<> save_run(std::string_view name, const PartitionRun& run) const;
  Result<std::optional<PartitionRun>> load_run(std::string_view name) const;  // nothing: it does not run
  Result<> forget_run(std::string_view name) const;
  Result<> save_exit(std::string_view name, const PartitionExit& exit) const;
  Result<std::optional<PartitionExit>> load_exit(std::string_view name) const;

  [[nodiscard]] std::string directory(std::string_view name) const {
    return cat(root_, "/partitions/", name);
  }
  [[nodiscard]] std::string run_directory(std::string_view name) const {
    return cat(run_, "/partitions/", name);
  }

 private:
  std::string root_, run_;
};

}  // namespace shoji
