#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "cli/operator/program.h"

namespace shoji::cli::op {

namespace {

// $SHOJI_IMAGE, else beside this program (a build tree), else where it is installed beside it.
std::string image_program() {
  const char* set = getenv("SHOJI_IMAGE");
  if (set != nullptr && *set != '\0') return set;
  char buffer[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", buffer, sizeof buffer);
  std::string path(buffer, size > 0 ? static_cast<size_t>(size) : 0);
  std::string directory = path.substr(0, path.rfind('/'));
  std::string beside = directory + "/shoji-image";
  return access(beside.c_str(), X_OK) == 0 ? beside : directory + "/../libexec/shoji/shoji-image";
}

}  // namespace

int hand_over(const Call& call) {
  std::string program = image_program();
  std::vector<char*> argv = {program.data()};
  argv.insert(argv.end(), call.command.begin(), call.command.end());
  argv.push_back(nullptr);
  execve(program.c_str(), argv.data(), environ);
  report(fail_errno(errno, cat(call.path, ": execute ", quote(program))).error());
  return kExitError;
}

}  // namespace shoji::cli::op
