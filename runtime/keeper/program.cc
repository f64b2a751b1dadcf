#include "runtime/keeper/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/io.h"
#include "base/pidfd.h"
#include "base/spawn.h"
#include "runtime/inspect.h"
#include "runtime/making.h"
#include "runtime/teardown.h"

namespace shoji {

Result<Program> Program::launch(const ProgramPlace& place) {
  TRY_ASSIGN(UniqueFd exits, open_file(place.exits, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  CreateOptions options;
  options.root = place.state;
  options.id = place.id;
  options.bundle = place.bundle;
  options.exit_file = exits.get();
  Making making(options, Making::Program::kDirect);
  TRY(making.make());
  TRY(making.run_start_hooks());
  TRY(making.release());
  UniqueFd pidfd(fcntl(making.pidfd(), F_DUPFD_CLOEXEC, 3));
  if (!pidfd) return fail_errno(errno, "keep the pidfd");
  Program out(place, making.pid(), making.facts().start_time, std::move(pidfd), true);
  making.keep();
  return out;
}

Result<std::optional<Program>> Program::adopt(const ProgramPlace& place, const PartitionRun& run) {
  if (run.pid == 0) return std::optional<Program>();
  TRY_ASSIGN(std::optional<UniqueFd> pidfd, pidfd_of(run.pid, run.pid_started));
  if (!pidfd) return std::optional<Program>();
  return std::optional(Program(place, run.pid, run.pid_started, std::move(*pidfd), false));
}

Result<> Program::signal(int number) const {
  Result<> sent = pidfd_signal(pidfd_.get(), number);
  if (!sent && sent.error().kind == Kind::kNotFound) return {};
  return sent;
}

Result<> Program::kill() const {
  Result<> sent = signal_container(place_.state, place_.id, SIGKILL, true);
  if (sent) return {};
  // It may have ended between the decision and the signal.
  TRY_ASSIGN(bool ended, pidfd_ended(pidfd_.get(), 0));
  return ended ? Result<>() : sent;
}

namespace {

// What is left of the container; gone already is fine.
Result<> remove_container(const ProgramPlace& place) {
  Result<> gone = delete_container(place.state, place.id, true);
  if (!gone && gone.error().kind == Kind::kNotFound) return {};
  return gone;
}

// The kernel counts kills by a memory limit in the cgroup that had it.
bool out_of_memory(const ProgramPlace& place, std::string& limit) {
  auto facts = StateStore(place.state).load(place.id);
  if (!facts) return false;
  auto cgroup = open_cgroup(*facts);
  if (!cgroup) return false;
  auto stats = cgroup->stats();
  if (!stats || stats->memory.oom_kills.value_or(0) == 0) return false;
  limit = cgroup->controller_path(Controller::kMemory);
  return true;
}

}  // namespace

Result<PartitionExit> Program::collect() {
  int status = SIGKILL;
  if (ours_) {
    while (waitpid(pid_, &status, 0) < 0)
      if (errno != EINTR) break;
  }
  // Its first process knows better than whoever waited for that one.
  Result<std::string> written = read_file(place_.exits, 256);
  if (auto said = parse_exit_file(written ? *written : "")) status = *said;
  PartitionExit out = exit_of_status(status);
  out.out_of_memory = out.signal == SIGKILL && out_of_memory(place_, out.limit);
  if (out.out_of_memory) out.reason = cat("out of memory: the limit of ", quote(out.limit), " was hit");
  TRY(remove_container(place_));
  return out;
}

std::optional<int> parse_exit_file(std::string_view text) {
  int status = 0;
  auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc() || !text.ends_with('\n')) return std::nullopt;
  return status;
}

PartitionExit exit_of_status(int status) {
  PartitionExit out;
  out.code = exit_code(status);
  out.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  out.reason = out.signal != 0 ? cat("killed by ", status_text(status)) : cat("exited with ", out.code);
  return out;
}

}  // namespace shoji
