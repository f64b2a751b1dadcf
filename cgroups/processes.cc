#include "cgroups/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <thread>

#include "base/io.h"

namespace shoji {
namespace {

bool is_gone(int err) {
  return err == ENOENT || err == ENODEV;
}

void parse_pids(std::string_view text, std::vector<pid_t>& out) {
  while (!text.empty()) {
    pid_t pid = 0;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), pid);
    // 0 is a process of another pid namespace: there is no way to name it from here.
    if (parsed.ec == std::errc() && pid > 0) out.push_back(pid);
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

Result<> collect(int dir, std::vector<pid_t>& out) {
  auto text = read_file_at(dir, "cgroup.procs");
  if (text) {
    parse_pids(*text, out);
  } else if (!is_gone(text.error().err) && text.error().err != EOPNOTSUPP) {
    // EOPNOTSUPP: a threaded cgroup, whose processes are listed by the domain above.
    return std::unexpected(std::move(text).error());
  }
  auto children = child_cgroups(dir);
  if (!children)
    return is_gone(children.error().err) ? Result<>{} : std::unexpected(std::move(children).error());
  for (const std::string& name : *children) {
    UniqueFd child(openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) TRY(collect(child.get(), out));
  }
  return {};
}

// The number after `key ` in cgroup.events.
bool event_is(std::string_view text, std::string_view key, bool value) {
  size_t at = text.find(key);
  if (at == std::string_view::npos) return false;
  std::string_view rest = text.substr(at + key.size());
  return rest.starts_with(value ? " 1" : " 0");
}

int milliseconds_until(Deadline deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

}  // namespace

Result<std::vector<pid_t>> processes_below(const Place& place) {
  std::vector<pid_t> pids;
  TRY(collect(place.fd.get(), pids));
  std::ranges::sort(pids);
  auto doubles = std::ranges::unique(pids);
  pids.erase(doubles.begin(), doubles.end());
  return pids;
}

Result<> refuse_if_in_use(const Place& place) {
  TRY_ASSIGN(std::vector<pid_t> pids, processes_below(place));
  if (!pids.empty()) {
    return fail(Kind::kExists, cat("cgroup ", quote(place.dir), " exists and is not empty: process ",
                                   pids.front(), pids.size() > 1 ? " and others are in it" : " is in it"));
  }
  std::string file = place.unified ? "cgroup.freeze" : "freezer.state";
  if (!place.unified && !place.controllers.has(Controller::kFreezer)) return {};
  auto state = read_knob(place, file);
  if (state && *state != "0" && *state != "THAWED") {
    return fail(Kind::kState, cat("cgroup ", quote(place.dir), " exists and is frozen"));
  }
  return {};
}

Result<bool> wait_for_event(const Place& place, std::string_view key, bool value, Deadline deadline) {
  UniqueFd fd(openat(place.fd.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (is_gone(errno)) return !value;
    return fail_errno(errno, cat("open ", quote(place.dir + "/cgroup.events")));
  }
  while (true) {
    std::array<char, 256> buffer;
    ssize_t n = pread(fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0) {
      if (is_gone(errno)) return !value;
      return fail_errno(errno, cat("read ", quote(place.dir + "/cgroup.events")));
    }
    if (event_is({buffer.data(), static_cast<size_t>(n)}, key, value)) return true;
    int left = milliseconds_until(deadline);
    if (left == 0) return false;
    // kernfs raises POLLPRI when the file changed since the last read of this descriptor, so nothing is
    // missed.
    pollfd wait{.fd = fd.get(), .events = POLLPRI, .revents = 0};
    if (poll(&wait, 1, left) < 0 && errno != EINTR) return fail_errno(errno, "wait for cgroup.events");
  }
}

bool Backoff::wait() {
  if (std::chrono::steady_clock::now() >= deadline_) return false;
  std::this_thread::sleep_for(pause_);
  pause_ = std::min(pause_ * 2, std::chrono::microseconds{5000});
  return true;
}

}  // namespace shoji
