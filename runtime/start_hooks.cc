#include "runtime/start_hooks.h"

#include <fcntl.h>

#include <algorithm>

#include "base/io.h"
#include "base/spawn.h"
#include "runtime/hooks.h"
#include "runtime/inspect.h"
#include "runtime/joining.h"
#include "runtime/users.h"

namespace shoji {

namespace {

// As in runc, the hook is what the program would be: its user, capabilities and limits, by way of shoji-init, so that
// nothing in the container gets to see the runtime's own executable (CVE-2019-5736).
Result<> run_inside(const Hook& hook, const Spec& spec, const ContainerFacts& facts, int pidfd,
                    const std::string& seccomp_cache, std::string_view state) {
  Spec with_hook = spec;
  with_hook.process->terminal = false;
  with_hook.process->args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
  if (hook.env.empty()) {
    TRY_ASSIGN(UniqueFd root, open_file(cat("/proc/", facts.pid, "/root"), O_PATH | O_DIRECTORY));
    add_home(with_hook.process->env, root.get(), with_hook.process->user.uid);
  } else {
    with_hook.process->env = hook.env;
  }
  TRY_ASSIGN(Capture capture, Capture::make());
  JoiningRequest request;
  request.facts = &facts;
  request.pidfd = pidfd;
  request.spec = &with_hook;
  request.program = hook.path;
  request.seccomp_cache = seccomp_cache;
  for (int i = 0; i < 3; ++i) request.stdio[i] = capture.stdio(i);
  Joining joining(std::move(request));
  TRY(joining.make({}));
  TRY(joining.release());
  TRY_ASSIGN(Captured captured, capture.wait(joining.pid(), joining.pidfd(), state, hook_timeout_ms(hook)));
  std::string complaint = hook_complaint(hook, "startContainer", captured);
  if (!complaint.empty()) return fail(Kind::kState, std::move(complaint));
  return {};
}

}  // namespace

Result<> run_start_container_hooks(const Spec& spec, const ContainerFacts& facts, int pidfd,
                                   const std::string& seccomp_cache) {
  TRY_ASSIGN(pid_t inside, pid_inside(facts.pid));
  std::string state = hook_state(facts, Status::kCreated, inside);
  for (const Hook& hook : spec.hooks.start_container) {
    if (auto ran = run_inside(hook, spec, facts, pidfd, seccomp_cache, state); !ran) {
      if (ran.error().text.starts_with("startContainer hook")) return ran;
      return Failure(within(cat("startContainer hook ", quote(hook.path)), ran.error()));
    }
  }
  return {};
}

}  // namespace shoji
