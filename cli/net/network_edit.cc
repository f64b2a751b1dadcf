#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "base/rollback.h"
#include "base/spawn.h"
#include "cli/net/network_options.h"
#include "cli/net/verbs.h"
#include "netsetup/host/host_networks.h"

namespace shoji::cli::net {

namespace {

using shoji::net::Network;

// As git(1) and visudo(8) do: the variable is a command line for the shell.
Result<> run_editor(const std::string& file) {
  const char* editor = nullptr;
  for (const char* variable : {"VISUAL", "EDITOR"})
    if (const char* set = getenv(variable); editor == nullptr && set != nullptr && *set != '\0') editor = set;
  if (editor == nullptr) editor = "vi";
  std::string command = cat(editor, " \"$1\"");
  const char* const argv[] = {"sh", "-c", command.c_str(), "sh", file.c_str(), nullptr};
  pid_t child = fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child == 0) {
    execv("/bin/sh", const_cast<char* const*>(argv));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno(errno, "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(Kind::kState,
                cat("editor ", quote(editor), ": ", status_text(status), ", nothing is changed"));
  return {};
}

// A file of its own in a directory of its own: editors write backups beside it.
Result<Network> edited(const Network& before) {
  const char* temporary = getenv("TMPDIR");
  std::string directory = cat(temporary != nullptr ? temporary : "/tmp", "/shoji-network.XXXXXX");
  if (mkdtemp(directory.data()) == nullptr) return fail_errno(errno, cat("make ", quote(directory)));
  Rollback cleanup;
  cleanup.add([directory] { ignore(remove_tree(directory), "only a copy"); });
  std::string file = cat(directory, "/", before.name, ".json");
  TRY_ASSIGN(UniqueFd out, open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(write_all(out.get(), shoji::net::print_network(before), file));
  out.reset();
  TRY(run_editor(file));
  TRY_ASSIGN(std::string text, read_document(file));
  Result<Network> after = shoji::net::parse_network(std::move(text), file);
  if (!after) cleanup.commit();  // the error names the file, which is somebody's work
  return after;
}

Result<Network> asked_for(const op::NetworkEditOptions& options, const Network& before) {
  if (!options.file.empty()) return read_network(options.file);
  if (!any_given(options)) return edited(before);
  TRY_ASSIGN(Network changed, with_options(before, options));
  return checked_network(changed);
}

Result<int> edit(const op::Globals& globals, op::NetworkEditOptions& options, Arguments& arguments) {
  TRY_ASSIGN(Network before, shoji::net::find_network(store_of(globals), arguments[0]));
  TRY_ASSIGN(Network after, asked_for(options, before));
  if (after.name != before.name)
    return fail(Kind::kInvalid, cat("/name: a network keeps its name, ", quote(before.name)));
  if (shoji::net::print_network(after) == shoji::net::print_network(before)) return kExitOk;
  TRY_ASSIGN(shoji::net::HostNetworks host, shoji::net::HostNetworks::open(store_of(globals)));
  TRY(host.replace_network(after));
  return kExitOk;
}

}  // namespace

constinit const Verb network_edit_verb = acting<op::NetworkEditOptions, edit>(op::kNetworkEdit);

}  // namespace shoji::cli::net
