#include <sys/prctl.h>

#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "base/pidfd.h"
#include "runtime/foreground.h"
#include "runtime/hooks.h"
#include "runtime/inspect.h"
#include "runtime/making.h"
#include "runtime/teardown.h"

namespace shoji {

namespace {

Result<> run_poststart(const Making& making) {
  const auto& hooks = making.bundle().spec.hooks.poststart;
  if (hooks.empty()) return {};
  return run_hooks(hooks, "poststart", hook_state(making.facts(), Status::kRunning, making.pid()),
                   on_host(making.facts().bundle));
}

Result<int> wait_and_delete(const CreateOptions& options, Making& making, Foreground& foreground) {
  const pid_t pid = making.pid();
  making.keep();
  making.unlock();
  Result<int> code = foreground.wait(pid, making.pidfd(), making.take_master());
  if (options.keep) return code;
  StateStore store(options.root);
  auto locked = store.lock(options.id);
  // Somebody else may have deleted it as soon as it stopped.
  if (!locked && locked.error().kind == Kind::kNotFound) return code;
  if (!locked) return std::unexpected(std::move(locked).error());
  TRY(tear_down(store, *locked, making.facts(), making.cgroup()));
  return code;
}

}  // namespace

Result<int> run_container(const CreateOptions& options) {
  if (!options.detach && !options.no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    return fail_errno(errno, "become a subreaper");
  Making making(options, Making::Program::kDirect);
  TRY(making.make());
  Foreground foreground;
  if (!options.detach) TRY(foreground.catch_signals());
  TRY(making.run_start_hooks());
  TRY(making.release());
  TRY(run_poststart(making));
  if (!options.detach) return wait_and_delete(options, making, foreground);
  making.keep();
  return 0;
}

}  // namespace shoji
