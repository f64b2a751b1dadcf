#include "tests/integration/images/strangers.h"

#include <unistd.h>

#include <cstdlib>

#include "tests/catch.h"
#include "tests/integration/wait.h"

namespace shoji::test {

std::string tool(const std::string& name) {
  if (name.starts_with('/')) return name;
  const char* set = getenv("PATH");
  std::string path = set != nullptr ? set : "/usr/sbin:/usr/bin:/sbin:/bin";
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(':', at), path.size());
    std::string file = path.substr(at, end - at) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  FAIL("the program " << name << " is not installed: run scripts/setup test");
  return "";
}

Finished tried(std::vector<std::string> argv, double seconds) {
  argv[0] = tool(argv[0]);
  return run_command({.argv = std::move(argv)}, seconds * time_factor());
}

std::string must(std::vector<std::string> argv, double seconds) {
  std::string name = argv[0] + (argv.size() > 1 ? " " + argv[1] : "");
  Finished done = tried(std::move(argv), seconds);
  if (done.code != 0) FAIL(name << " exited with " << done.code << ": " << done.err << done.out);
  return done.out;
}

}  // namespace shoji::test
