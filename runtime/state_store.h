#pragma once
// Facts about containers below the root directory (--root, default /run/shoji-oci): ROOT/ID/{state.json, config.json,
// start (the gate FIFO), report}. Facts only; status is derived (runtime/container.h). Changes are a temporary file and
// rename(2), under flock(2) on the directory itself. No fsync: the directory does not outlive a reboot, nor should it.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji {

inline constexpr uint32_t kStateFormat = 1;

struct ContainerFacts {
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;                    // RFC 3339, UTC, nanoseconds
  uid_t owner = 0;                        // who created it
  pid_t pid = 0;                          // 0: never got as far as a process
  uint64_t start_time = 0;                // of that process
  std::vector<std::string> cgroup_paths;  // Cgroup::paths() before anything was made
  std::vector<std::pair<std::string, std::string>> annotations;
  bool own_pid_namespace = true;  // without one, the first process does not take the others with it
  bool has_start_container = false, has_poststart = false, has_poststop = false;  // hooks
  // What the child may still fail at behind the start gate: step index, and the sentence for it.
  std::vector<std::pair<uint32_t, std::string>> late_steps;
};

class StateStore {
 public:
  explicit StateStore(std::string root) : root_(std::move(root)) {}

  // A container's directory, locked against other verbs until the descriptor is closed; a killed verb holds no lock.
  struct Locked {
    UniqueFd dir;
  };
  // Makes ROOT/ID, the first effect of create: kExists when the id is taken.
  Result<Locked> reserve(std::string_view id);
  // kNotFound: "container does not exist". Waits some seconds for another verb that is at work.
  Result<Locked> lock(std::string_view id) const;
  // Whether a verb is at work on the container.
  bool busy(std::string_view id) const;

  // The intent: what is about to be made, in place, for a directory that has no facts yet.
  Result<> save_intent(const Locked& container, const ContainerFacts& facts) const;
  // New facts in two parts, so that the slow one can be done beside other work: nobody sees them before publish().
  Result<> stage(const Locked& container, const ContainerFacts& facts) const;
  Result<> publish(const Locked& container) const;
  // A copy of the configuration file as it is at create: a bundle may be edited later.
  Result<> save_config(const Locked& container, const std::string& file) const;

  Result<ContainerFacts> load(
      std::string_view id) const;  // pid 0 when there is only the intent, or not even that
  Result<std::string> load_config(std::string_view id) const;
  Result<> remove(const Locked& container, std::string_view id) const;
  Result<std::vector<std::string>> ids() const;  // sorted
  [[nodiscard]] std::string path(std::string_view id) const;
  // For compiled seccomp filters. The name can not be an id.
  [[nodiscard]] std::string seccomp_cache() const { return cat(root_, "/@seccomp"); }

  // [a-zA-Z0-9_+.-]+, not "." or "..", as runc.
  static Result<> check_id(std::string_view id);

 private:
  std::string root_;
};

}  // namespace shoji
