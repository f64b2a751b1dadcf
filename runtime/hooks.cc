#include "runtime/hooks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>

#include "base/io.h"
#include "base/log.h"
#include "runtime/plan.h"

namespace shoji {

namespace {

// The last line that is not empty, shortened: it becomes part of a sentence.
std::string_view last_line(std::string_view text) {
  constexpr size_t kLongest = 500;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  return text.substr(0, kLongest);
}

Result<> run_hook(const Hook& hook, std::string_view kind, std::string_view state, const HookPlace& place) {
  SpawnRequest request{hook.path, hook.args, hook.env, place.join, place.directory};
  if (request.env.empty()) request.env = place.environment;
  if (request.args.empty()) request.args = {hook.path};
  auto captured = run_captured(request, state, hook_timeout_ms(hook));
  if (!captured) return Failure(within(cat(kind, " hook"), captured.error()));
  std::string complaint = hook_complaint(hook, kind, *captured);
  if (!complaint.empty()) return fail(Kind::kState, std::move(complaint));
  return {};
}

}  // namespace

int hook_timeout_ms(const Hook& hook) {
  if (!hook.timeout) return -1;
  return *hook.timeout > INT_MAX / 1000 ? INT_MAX : static_cast<int>(*hook.timeout * 1000);
}

std::string hook_complaint(const Hook& hook, std::string_view kind, const Captured& captured) {
  std::string name = cat(kind, " hook ", quote(hook.path));
  if (captured.timed_out)
    return cat(name, " was killed: it took longer than its timeout of ", hook.timeout.value_or(0), " s");
  if (captured.status == 0) return {};
  std::string_view said = last_line(captured.err);
  return cat(name, " ended with ", status_text(captured.status), said.empty() ? "" : ": ", said);
}

HookPlace on_host(const std::string& bundle) {
  HookPlace place{bundle};
  for (char** variable = environ; *variable != nullptr; ++variable) place.environment.emplace_back(*variable);
  return place;
}

Result<> run_hooks(const std::vector<Hook>& hooks, std::string_view kind, std::string_view state,
                   const HookPlace& place) {
  for (const Hook& hook : hooks) TRY(run_hook(hook, kind, state, place));
  return {};
}

void run_hooks_to_the_end(const std::vector<Hook>& hooks, std::string_view kind, std::string_view state,
                          const HookPlace& place) {
  for (const Hook& hook : hooks)
    if (auto ran = run_hook(hook, kind, state, place); !ran) log(LogLevel::kWarning, ran.error().text);
}

Result<JoinNamespaces> namespaces_of(pid_t pid, int pidfd) {
  TRY_ASSIGN(UniqueFd proc, open_file("/proc", O_PATH | O_DIRECTORY));
  TRY_ASSIGN(uint64_t foreign, foreign_namespaces(proc.get(), pid));
  JoinNamespaces join{pidfd, static_cast<int>(foreign)};
  if (join.flags == 0) join.pidfd = -1;
  return join;
}

Result<pid_t> pid_inside(pid_t pid) {
  TRY_ASSIGN(std::string status, read_file(cat("/proc/", pid, "/status")));
  size_t at = status.find("\nNSpid:");
  if (at == std::string::npos) return pid;
  std::string_view line = std::string_view(status).substr(at + 1);
  line = line.substr(0, line.find('\n'));
  pid_t inside = pid;
  size_t last = line.find_last_of(" \t");
  std::from_chars(line.data() + last + 1, line.data() + line.size(), inside);
  return inside;
}

}  // namespace shoji
