// Cgroup::remove().
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ranges>

#include "cgroups/manager.h"
#include "cgroups/processes.h"

namespace shoji {
namespace {

constexpr std::chrono::seconds kPatience{10};

// Children first. 0, or the errno of the directory that stays; one that is gone is fine.
int remove_below(int parent, const std::string& name) {
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  int err = errno;
  if (err != EBUSY && err != ENOTEMPTY) return err;
  UniqueFd fd(openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? 0 : errno;
  auto children = child_cgroups(fd.get());
  if (!children || children->empty()) return err;
  for (const std::string& child : *children) {
    if (int left = remove_below(fd.get(), child); left != 0) return left;
  }
  return unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

Failure still_there(Place& place, int err) {
  std::string sentence = cat("remove cgroup ", quote(place.dir));
  if (err != EBUSY && err != ENOTEMPTY) return fail_errno(err, sentence);
  std::string who;
  if (open_place(place)) {
    if (auto pids = processes_below(place)) {
      for (pid_t pid : *pids) who += cat(who.empty() ? " (" : ", ", pid);
      if (!who.empty()) who += ')';
    }
  }
  return fail(Kind::kState, cat(sentence, ": processes are still in it", who));
}

Result<> remove_place(Place& place, Deadline deadline) {
  // Right after the last process was reaped this succeeds; only otherwise it is worth looking why.
  int err = remove_below(AT_FDCWD, place.dir);
  if (err == EBUSY && place.unified && open_place(place)) {
    TRY_ASSIGN(bool empty, wait_for_event(place, "populated", false, deadline));
    if (!empty) return still_there(place, EBUSY);
    err = remove_below(AT_FDCWD, place.dir);
  }
  // v1 does not tell when a cgroup becomes empty. (In v2 this is for the instant between the event and the
  // release of the last reference.)
  Backoff backoff(deadline);
  while (err == EBUSY && backoff.wait()) err = remove_below(AT_FDCWD, place.dir);
  return err == 0 ? Result<>{} : still_there(place, err);
}

// A parent that others use by now is not empty, and stays.
void remove_empty_parents(const Place& place) {
  for (const std::string& parent : place.parents | std::views::reverse) {
    if (rmdir(parent.c_str()) != 0 && errno != ENOENT) break;
  }
}

}  // namespace

Result<> Cgroup::remove() {
  Deadline deadline = std::chrono::steady_clock::now() + kPatience;
  Result<> first;
  for (Place& place : places_) {
    // Parents may have been made on the way to a directory that was refused.
    if (!place.ours) {
      remove_empty_parents(place);
      continue;
    }
    auto removed = remove_place(place, deadline);
    place.fd.reset();
    if (!removed) {
      if (first) first = std::move(removed);
      continue;
    }
    remove_empty_parents(place);
  }
  return first;
}

}  // namespace shoji
