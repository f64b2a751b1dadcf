#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "base/spawn.h"
#include "cli/operator/program.h"

namespace shoji::cli::op {

namespace {

// What the environment variable says, else beside this program (a build tree), else where it is installed beside it.
std::string companion(const char* variable, std::string_view name) {
  const char* set = getenv(variable);
  if (set != nullptr && *set != '\0') return set;
  char buffer[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", buffer, sizeof buffer);
  std::string path(buffer, size > 0 ? static_cast<size_t>(size) : 0);
  std::string directory = path.substr(0, path.rfind('/'));
  std::string beside = cat(directory, '/', name);
  return access(beside.c_str(), X_OK) == 0 ? beside : cat(directory, "/../libexec/shoji/", name);
}
std::string image_program() {
  return companion("SHOJI_IMAGE", "shoji-image");
}

int execute(std::string program, const Call& call) {
  std::vector<char*> argv = {program.data()};
  argv.insert(argv.end(), call.command.begin(), call.command.end());
  argv.push_back(nullptr);
  execve(program.c_str(), argv.data(), environ);
  report(fail_errno(errno, cat(call.path, ": execute ", quote(program))).error());
  return kExitError;
}

}  // namespace

int hand_over(const Call& call) {
  return execute(image_program(), call);
}

int hand_over_to_net(const Call& call) {
  return execute(companion("SHOJI_NET", "shoji-net"), call);
}

Result<int> run_image_program(const Globals& globals, const std::vector<std::string>& words) {
  std::vector<std::string> strings = {image_program()};
  if (!globals.store.empty()) strings.insert(strings.end(), {"--store", globals.store});
  if (!globals.config.empty()) strings.insert(strings.end(), {"--config", globals.config});
  if (globals.debug) strings.emplace_back("--debug");
  strings.insert(strings.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& word : strings) argv.push_back(word.data());
  argv.push_back(nullptr);
  TRY_ASSIGN(UniqueFd nothing, open_file("/dev/null", O_WRONLY));
  pid_t child = fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child == 0) {
    // It has nothing more to do when nobody waits for it.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(nothing.get(), STDOUT_FILENO);
    execve(argv[0], argv.data(), environ);
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno(errno, "waitpid");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return fail(Kind::kNotFound, cat("execute ", quote(strings[0]), ": it cannot be started"));
  return exit_code(status);
}

Result<Captured> run_net_program(const Globals& globals, const std::vector<std::string>& words,
                                 const std::string& input) {
  SpawnRequest request{.path = companion("SHOJI_NET", "shoji-net"), .args = {}, .env = {}, .join = {}};
  request.args = {request.path, "--root", globals.root, "--run", globals.run};
  request.args.insert(request.args.end(), words.begin(), words.end());
  for (char** variable = environ; *variable != nullptr; ++variable) request.env.emplace_back(*variable);
  return run_captured(request, input, -1);
}

}  // namespace shoji::cli::op
