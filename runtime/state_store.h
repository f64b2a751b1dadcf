#pragma once
// Facts about containers below the root directory (--root, default /run/shoji-oci): ROOT/ID/{state.json, config.json,
// lock, start (the gate FIFO), report}. Facts only; status is derived (runtime/container.h). tmp + rename, flock.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"

namespace shoji {

inline constexpr uint32_t kStateFormat = 1;

struct ContainerFacts {
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;                 // RFC 3339, UTC, nanoseconds
  std::string owner;                   // user name or uid as text of who created it
  pid_t pid = 0;                       // 0: never got as far as a process
  uint64_t start_time = 0;             // of that process
  std::string cgroups_path;            // as planned, for opening the cgroup again
  std::vector<std::string> cgroup_made;     // directories we made, leaf first
  std::vector<std::pair<std::string, std::string>> annotations;
  bool own_pid_namespace = true;       // without one, delete and kill --all go by cgroup
  bool has_poststart = false, has_start_container = false, has_poststop = false;
};

class StateStore {
 public:
  explicit StateStore(std::string root) : root_(std::move(root)) {}

  // Makes ROOT/ID, the first effect of create: kExists when the id is taken. The directory is locked until the
  // returned lock dies.
  struct Reservation {
    UniqueFd dir;
    FileLock lock;
  };
  Result<Reservation> reserve(std::string_view id);
  // Opens ROOT/ID and locks it; kNotFound: `container "ID" does not exist`.
  Result<Reservation> lock(std::string_view id);

  Result<> save(int dir, const ContainerFacts& facts);
  Result<ContainerFacts> load(std::string_view id) const;   // kNotFound as above; pid 0 when only the intent is there
  Result<> remove(std::string_view id);
  Result<std::vector<std::string>> ids() const;             // sorted
  [[nodiscard]] std::string path(std::string_view id) const;

  // [a-zA-Z0-9_+.-]+, not "." or "..", at most 1024 bytes, as runc.
  static Result<> check_id(std::string_view id);

 private:
  std::string root_;
};

}  // namespace shoji
