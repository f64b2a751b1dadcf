#include "runtime/joining.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"
#include "base/log.h"
#include "runtime/inspect.h"

namespace shoji {

namespace {

// The unified cgroup that process `pid` is in. The program in a container may have moved itself further down.
Result<UniqueFd> cgroup_of(int proc, pid_t pid, const CgroupHost& host) {
  const Hierarchy* unified = host.unified();
  if (unified == nullptr) return fail(Kind::kNotFound, "this host has no cgroup v2 hierarchy");
  std::string file = cat(pid, "/cgroup");
  TRY_ASSIGN(std::string text, read_file_at(proc, file));
  size_t at = text.starts_with("0::") ? 0 : text.find("\n0::");
  if (at == std::string::npos) return fail(Kind::kNotFound, cat("read ", quote(file), ": no unified cgroup"));
  at = text.find("::", at) + 2;
  std::string_view path = std::string_view(text).substr(at, text.find('\n', at) - at);
  // What is mounted may be a part of the hierarchy: the path begins at its real root.
  if (unified->root != "/" && path.starts_with(unified->root)) path.remove_prefix(unified->root.size());
  return open_file(cat(unified->mount, "/", path), O_PATH | O_DIRECTORY);
}

}  // namespace

Result<> Joining::make(std::move_only_function<Result<>(UniqueFd master)> console) {
  host_ = read_host_facts();
  TRY_ASSIGN(proc_, open_file("/proc", O_PATH | O_DIRECTORY));
  TRY(open_place());
  TRY(plan());
  TRY(launch_child());
  LaunchAnswers answers;
  answers.console = std::move(console);
  TRY(child_.until_ready(answers));
  pid_ = child_.pid();
  return {};
}

Result<> Joining::open_place() {
  TRY_ASSIGN(cgroup_, open_cgroup(*request_.facts));
  if (!request_.cgroup.empty()) {
    TRY_ASSIGN(cgroup_, cgroup_->below(request_.cgroup));
  }
  TRY_ASSIGN(cgroup_tasks_, cgroup_->open_v1_tasks());
  return {};
}

Result<> Joining::plan() {
  PlanOptions options;
  options.preserve_fds = request_.preserve_fds;
  options.id = request_.facts->id;
  options.seccomp_cache = request_.seccomp_cache;
  JoinTarget target;
  target.pidfd = request_.pidfd;
  TRY_ASSIGN(target.namespaces, foreign_namespaces(proc_.get(), request_.facts->pid));
  TRY_ASSIGN(plan_, plan_exec(*request_.spec, target, host_, options, cgroup_tasks_));
  for (const std::string& warning : plan_.warnings) log(LogLevel::kWarning, warning);
  if (request_.program.empty()) return {};
  for (size_t i = 0; i < plan_.steps.steps().size(); ++i) {
    if (plan_.steps.steps()[i].kind == StepKind::kFindProgram)
      plan_.steps.v0(plan_.steps.at(i), std::span(&request_.program, 1));
  }
  return {};
}

Result<> Joining::launch_child() {
  LaunchRequest request;
  request.plan = &plan_.steps;
  request.clone_flags = plan_.clone_flags;
  TRY_ASSIGN(request.cgroup_fd, cgroup_->unified_fd());
  request.proc_fd = proc_.get();
  std::ranges::copy(request_.stdio, request.stdio);
  for (int fd : plan_.steps.slots())
    if (fd >= 0) request.inherited.push_back(fd);
  auto child = launch(request);
  // A cgroup that hands controllers down takes no processes itself (cgroups(7), "no internal processes"): a container
  // that made such cgroups has its first process in one of them, and the new program goes there too.
  if (!child && child.error().err == EBUSY && request_.cgroup.empty()) {
    TRY_ASSIGN(CgroupHost host, CgroupHost::detect());
    TRY_ASSIGN(nested_cgroup_, cgroup_of(proc_.get(), request_.facts->pid, host));
    request.cgroup_fd = nested_cgroup_.get();
    child = launch(request);
  }
  if (!child) return std::unexpected(std::move(child).error());
  child_ = std::move(*child);
  return {};
}

Result<> Joining::release() {
  TRY(child_.go());
  TRY(child_.until_running());
  child_.detach();
  return {};
}

}  // namespace shoji
