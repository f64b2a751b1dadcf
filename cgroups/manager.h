#pragma once
// One container's control group: a directory in every mounted hierarchy, handled as one thing.
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "cgroups/host.h"
#include "cgroups/place.h"
#include "cgroups/stats.h"
#include "spec/spec.h"

namespace shoji {

class Cgroup {
 public:
  // Chooses the directories; changes nothing. One with processes in it is refused already here. linux.cgroupsPath as runc's cgroupfs driver reads it: an
  // absolute path is below the mount point of each hierarchy; a relative one below the caller's own cgroup
  // (v2: below its parent, because a cgroup with processes may not hand controllers down); empty: the
  // relative path `id`.
  static Result<Cgroup> plan(const CgroupHost& host, std::string_view cgroups_path, std::string_view id);
  // The same container again, from what paths() said. Directories that are gone are fine.
  static Result<Cgroup> from_paths(const CgroupHost& host, const std::vector<std::string>& paths);

  // Every directory that create() will make, parents before children: write it down before create(), so that
  // from_paths().remove() clears up after a kill -9 at any point. Parents that exist already are not in the
  // list.
  [[nodiscard]] std::vector<std::string> paths() const;
  // The absolute directory in the unified hierarchy; empty when there is none.
  [[nodiscard]] std::string unified_path() const;
  // The absolute directory where that controller is bound (v1) or would be (v2); empty when it is nowhere.
  [[nodiscard]] std::string controller_path(Controller controller) const;

  // An error when a directory exists and a process is in it, or it is frozen. create() looks again.
  Result<> check_unused();
  // Makes the directories, hands v2 controllers down the path, fills v1 cpusets. An existing cgroup is used
  // only if no process is in it and it is not frozen. On error, what was made stays for remove().
  Result<> create();

  enum class Occasion : uint8_t {
    kCreate,  // a fresh cgroup: devices are denied by default, even if the list is empty
    kUpdate,  // a living container: what `resources` does not mention stays as it is
  };
  // Writes the limits. A limit that this host cannot enforce is an error naming it, unless it equals the
  // kernel's default.
  Result<> apply(const Resources& resources, Occasion occasion = Occasion::kCreate);
  // Gives the directories and the files listed in /sys/kernel/cgroup/delegate to the container's root user.
  Result<> delegate(uid_t uid, gid_t gid);

  // For CLONE_INTO_CGROUP: the unified directory, owned by this object, opened when it was not yet. -1: there is no
  // v2 hierarchy.
  // Unsharing the cgroup namespace must come after, not in the same clone: it takes the cgroup from before
  // the clone.
  [[nodiscard]] Result<int> unified_fd();
  // The v1 `tasks` files, open for writing: the child writes "0" to each before it unshares its cgroup
  // namespace. (cgroup.procs would take the kernel's global threadgroup semaphore, a wait for a grace
  // period.)
  Result<std::vector<UniqueFd>> open_v1_tasks();
  // Moves another process in, everywhere (for processes that cannot move themselves).
  Result<> add_process(pid_t pid);
  // The cgroup `sub` below this one in every hierarchy, for exec --cgroup; it must exist and lie inside.
  Result<Cgroup> below(std::string_view sub) const;

  Result<std::vector<pid_t>> pids();  // of this cgroup and of all below it, sorted; none if it is gone
  Result<CgroupStats> stats();

  Result<> freeze();  // returns when everything stands still; thaws again if that does not come about in 10 s
  Result<> thaw();
  Result<bool> frozen();

  // SIGKILL: everything in it, atomically where the kernel has cgroup.kill. Other signals: every process,
  // each once. A cgroup that is gone or empty is fine.
  Result<> kill(int signal);
  // Removes the directories, those that the container made inside, and parents in paths() that became empty.
  // Waits up to 10 s for the last process to go. Absent is fine.
  Result<> remove();

 private:
  Cgroup() = default;
  [[nodiscard]] Place* unified();
  Result<> signal_frozen(int signal);
  Result<> kill_repeatedly();

  std::vector<Place> places_;  // the unified one, if there is one, comes first
};

}  // namespace shoji
