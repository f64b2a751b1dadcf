// Cgroup::pids() and kill().
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "cgroups/manager.h"
#include "cgroups/processes.h"

namespace shoji {
namespace {

constexpr std::chrono::seconds kPatience{10};

Result<> signal_all(const std::vector<pid_t>& pids, int signal) {
  for (pid_t pid : pids) {
    if (::kill(pid, signal) != 0 && errno != ESRCH)
      return fail_errno(errno, cat("send signal ", signal, " to ", pid));
  }
  return {};
}

}  // namespace

Result<std::vector<pid_t>> Cgroup::pids() {
  std::vector<pid_t> all;
  for (Place& place : places_) {
    if (!place.ours) continue;
    if (auto opened = open_place(place); !opened) {
      if (opened.error().kind == Kind::kNotFound) continue;
      return std::unexpected(std::move(opened).error());
    }
    TRY_ASSIGN(std::vector<pid_t> here, processes_below(place));
    all.insert(all.end(), here.begin(), here.end());
    // The unified hierarchy comes first, and every process of the container is in it. Of the v1 hierarchies
    // each is asked: a process may have been caught between two of them.
    if (place.unified && !all.empty()) break;
  }
  std::ranges::sort(all);
  auto doubles = std::ranges::unique(all);
  all.erase(doubles.begin(), doubles.end());
  return all;
}

// Standing still, nothing can fork away from the list, and no pid on it can end and be given to a stranger.
Result<> Cgroup::signal_frozen(int signal) {
  TRY_ASSIGN(std::vector<pid_t> list, pids());
  if (list.empty()) return {};
  TRY_ASSIGN(bool was_frozen, frozen());
  if (!was_frozen) TRY(freeze());
  auto again = pids();
  auto sent = again ? signal_all(*again, signal) : Result<>(std::unexpected(again.error()));
  // SIGKILL does not reach a process that the v1 freezer holds.
  if (!was_frozen || signal == SIGKILL) TRY(thaw());
  return sent;
}

// For hosts without any freezer: kill until nobody is left that could have forked meanwhile.
Result<> Cgroup::kill_repeatedly() {
  Backoff backoff(std::chrono::steady_clock::now() + kPatience);
  do {
    TRY_ASSIGN(std::vector<pid_t> list, pids());
    if (list.empty()) return {};
    TRY(signal_all(list, SIGKILL));
  } while (backoff.wait());
  return fail(Kind::kState,
              cat("kill the processes of the cgroup: some were still there after ", kPatience.count(), " s"));
}

Result<> Cgroup::kill(int signal) {
  Place* place = signal == SIGKILL ? unified() : nullptr;
  // cgroup.kill (Linux 5.14) is atomic: it also gets what forks meanwhile, and what is frozen. It may be
  // absent, and a threaded cgroup refuses it (EOPNOTSUPP).
  if (place != nullptr && place->ours && open_place(*place) && write_knob(*place, "cgroup.kill", "1"))
    return {};
  auto done = signal_frozen(signal);
  if (done) return {};
  if (signal == SIGKILL) return kill_repeatedly();
  TRY_ASSIGN(std::vector<pid_t> list, pids());
  return signal_all(list, signal);
}

}  // namespace shoji
