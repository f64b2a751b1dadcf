#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/io.h"
#include "base/pidfd.h"
#include "base/step.h"
#include "runtime/hooks.h"
#include "runtime/inspect.h"
#include "runtime/start_hooks.h"

namespace shoji {

namespace {

Result<> check_startable(Status status) {
  switch (status) {
    case Status::kCreated:
      return {};
    case Status::kRunning:
      return fail(Kind::kState, "cannot start an already running container");
    case Status::kStopped:
      return fail(Kind::kState, "cannot start a container that has stopped");
    case Status::kPaused:
      return fail(Kind::kState, "cannot start a container in the paused state");
    case Status::kCreating:
      break;
  }
  return fail(Kind::kState, "cannot start a container that is still being created");
}

// Lets the first process go on and waits until it no longer holds the FIFO: it has executed the program or ended.
Result<> open_gate(int dir) {
  UniqueFd gate(openat(dir, kGateFile, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!gate) return fail(Kind::kState, "cannot start a container that has stopped");
  if (write(gate.get(), "g", 1) != 1) return fail_errno(errno, "open the start gate");
  pollfd reader{gate.get(), 0, 0};
  while (poll(&reader, 1, -1) < 0) {
    if (errno != EINTR) return fail_errno(errno, "wait for the container's program");
  }
  return {};
}

// What the first process wrote instead of executing the program.
Result<> read_report(int dir, const ContainerFacts& facts) {
  TRY_ASSIGN(std::string report, read_file_at(dir, kReportFile));
  Message message{};
  if (report.size() < sizeof message) return {};
  memcpy(&message, report.data(), sizeof message);
  std::string sentence = "execute the program";
  for (const auto& [index, text] : facts.late_steps)
    if (index == message.value) sentence = text;
  return fail_errno(message.err, sentence);
}

// runc's reading of a failing poststart hook: the start has failed, and the container is stopped.
Result<> run_poststart(const StateStore& store, const ContainerFacts& facts, int pidfd) {
  if (!facts.has_poststart) return {};
  TRY_ASSIGN(Spec spec, load_saved_spec(store, facts.id));
  auto ran = run_hooks(spec.hooks.poststart, "poststart", hook_state(facts, Status::kRunning, facts.pid),
                       on_host(facts.bundle));
  if (!ran) {
    ignore(pidfd_signal(pidfd, SIGKILL), "it may have ended by itself");
    ignore(pidfd_ended(pidfd, -1), "the hook's failure is the one to report");
  }
  return ran;
}

}  // namespace

Result<> start_container(const std::string& root, const std::string& id) {
  StateStore store(root);
  TRY_ASSIGN(StateStore::Locked locked, store.lock(id));
  TRY_ASSIGN(ContainerFacts loaded, store.load(id));
  TRY_ASSIGN(ContainerView view, inspect(store, std::move(loaded)));
  TRY(check_startable(view.status));
  const ContainerFacts& facts = view.facts;
  TRY_ASSIGN(std::optional<UniqueFd> process, first_process(facts));
  if (!process) return check_startable(Status::kStopped);
  if (facts.has_start_container) {
    TRY_ASSIGN(Spec spec, load_saved_spec(store, id));
    if (auto ran = run_start_container_hooks(spec, facts, process->get(), store.seccomp_cache()); !ran) {
      ignore(pidfd_signal(process->get(), SIGKILL), "it may have ended by itself");
      return ran;
    }
  }
  TRY(open_gate(locked.dir.get()));
  TRY(read_report(locked.dir.get(), facts));
  return run_poststart(store, facts, process->get());
}

}  // namespace shoji
