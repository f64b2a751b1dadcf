#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "base/io.h"
#include "base/json.h"
#include "base/socket.h"
#include "runtime/console.h"
#include "runtime/foreground.h"
#include "runtime/inspect.h"
#include "runtime/joining.h"
#include "runtime/preserved_fds.h"
#include "runtime/terminal_relay.h"
#include "runtime/users.h"
#include "spec/fields.h"
#include "spec/validate.h"

namespace shoji {

namespace {

Result<> check_state(const ContainerView& view, bool ignore_paused) {
  switch (view.status) {
    case Status::kStopped:
      return fail(Kind::kState, "cannot exec in a stopped container");
    case Status::kCreating:
      return fail(Kind::kState, "cannot exec in a container that is still being created");
    case Status::kPaused:
      if (!ignore_paused)
        return fail(Kind::kState, "cannot exec in a paused container (use --ignore-paused to override)");
      return {};
    case Status::kCreated:
    case Status::kRunning:
      break;
  }
  return {};
}

Result<uint32_t> parse_id(std::string_view text, std::string_view user) {
  uint32_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Kind::kInvalid,
                cat("--user ", quote(user), ": ", quote(text), " is not a number; UID[:GID] is expected"));
  return id;
}

Result<> set_user(User& user, const std::string& text) {
  size_t colon = text.find(':');
  TRY_ASSIGN(user.uid, parse_id(std::string_view(text).substr(0, colon), text));
  if (colon != std::string::npos) {
    TRY_ASSIGN(user.gid, parse_id(std::string_view(text).substr(colon + 1), text));
  }
  return {};
}

void add_capabilities(Process& process, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!process.capabilities) process.capabilities.emplace();
  // Not to the inheritable set: CVE-2022-29162.
  for (auto* set :
       {&process.capabilities->bounding, &process.capabilities->effective, &process.capabilities->permitted})
    set->insert(set->end(), names.begin(), names.end());
  // As in runc; what is not inheritable cannot be ambient (capabilities(7)).
  for (const std::string& name : names) {
    if (std::ranges::find(process.capabilities->inheritable, name) != process.capabilities->inheritable.end())
      process.capabilities->ambient.push_back(name);
  }
}

Result<Process> read_process(const std::string& file) {
  TRY_ASSIGN(std::string text, read_file(file, size_t{64} << 20));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), file));
  return load_process(document);
}

// The program's process: a file as it is, or the container's own with what the options change.
Result<Process> choose_process(const ExecOptions& options, const Process& own) {
  if (!options.process_file.empty()) return read_process(options.process_file);
  Process process = own;
  process.args = options.args;
  process.terminal = options.tty;
  process.console_size.reset();
  if (!options.cwd.empty()) process.cwd = options.cwd;
  if (!options.apparmor.empty()) process.apparmor_profile = options.apparmor;
  if (!options.process_label.empty()) process.selinux_label = options.process_label;
  if (options.no_new_privs) process.no_new_privileges = true;
  process.env.insert(process.env.end(), options.env.begin(), options.env.end());
  if (!options.user.empty()) TRY(set_user(process.user, options.user));
  auto& groups = process.user.additional_gids;
  groups.insert(groups.end(), options.additional_gids.begin(), options.additional_gids.end());
  add_capabilities(process, options.caps);
  return process;
}

Result<int> run_joined(const ExecOptions& options, Joining& joining, int console_socket) {
  UniqueFd master;
  TRY(joining.make([&](UniqueFd fd) -> Result<> {
    if (console_socket >= 0) return send_console(console_socket, std::move(fd));
    prepare_terminal(fd.get());
    master = std::move(fd);
    return {};
  }));
  Foreground foreground;
  if (!options.detach) TRY(foreground.catch_signals());
  TRY(joining.release());
  if (!options.pid_file.empty())
    TRY(write_file_atomically(options.pid_file, std::to_string(joining.pid()), 0644));
  if (options.detach) return 0;
  return foreground.wait(joining.pid(), joining.pidfd(), std::move(master));
}

}  // namespace

Result<int> exec_in_container(const ExecOptions& options) {
  TRY(check_preserved_fds(options.preserve_fds));
  StateStore store(options.root);
  TRY_ASSIGN(ContainerFacts loaded, store.load(options.id));
  TRY_ASSIGN(ContainerView view, inspect(store, std::move(loaded)));
  TRY(check_state(view, options.ignore_paused));
  TRY_ASSIGN(std::optional<UniqueFd> first, first_process(view.facts));
  if (!first) return fail(Kind::kState, "cannot exec in a stopped container");
  TRY_ASSIGN(Spec spec, load_saved_spec(store, options.id));
  TRY_ASSIGN(spec.process, choose_process(options, spec.process.value_or(Process())));
  TRY(validate_process(*spec.process));
  TRY(check_console(spec.process->terminal, options.detach, options.console_socket));
  UniqueFd console_socket;
  if (!options.console_socket.empty()) {
    TRY_ASSIGN(console_socket, connect_unix(options.console_socket));
  }
  TRY_ASSIGN(UniqueFd root, open_file(cat("/proc/", view.facts.pid, "/root"), O_PATH | O_DIRECTORY));
  add_home(spec.process->env, root.get(), spec.process->user.uid);
  JoiningRequest request;
  request.facts = &view.facts;
  request.pidfd = first->get();
  request.spec = &spec;
  request.cgroup = options.cgroup;
  request.preserve_fds = options.preserve_fds;
  request.seccomp_cache = store.seccomp_cache();
  Joining joining(std::move(request));
  return run_joined(options, joining, console_socket.get());
}

}  // namespace shoji
