#include "runtime/hooks.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

Hook shell_hook(const std::string& script) {
  return Hook{"/bin/sh", {"sh", "-c", script}, {}, std::nullopt};
}

struct TemporaryFile {
  std::string path;
  TemporaryFile() {
    char name[] = "/tmp/shoji-hook-XXXXXX";
    close(mkstemp(name));
    path = name;
  }
  ~TemporaryFile() { unlink(path.c_str()); }
};

}  // namespace

TEST_CASE("hooks run in order with the state on stdin") {
  signal(SIGPIPE, SIG_IGN);
  TemporaryFile file;
  std::vector<Hook> hooks = {shell_hook("cat > " + file.path), shell_hook("echo second >> " + file.path)};
  REQUIRE(run_hooks(hooks, "prestart", "{\"id\":\"web1\"}", {}));
  CHECK(read_file(file.path) == "{\"id\":\"web1\"}second\n");
}

TEST_CASE("the first hook that fails ends the row, and is quoted") {
  signal(SIGPIPE, SIG_IGN);
  TemporaryFile file;
  std::vector<Hook> hooks = {shell_hook("echo first >&2; echo the reason >&2; exit 4"),
                             shell_hook("echo ran > " + file.path)};
  auto ran = run_hooks(hooks, "createRuntime", "{}", {});
  REQUIRE_FALSE(ran);
  CHECK(ran.error().text == "createRuntime hook \"/bin/sh\" ended with exit status 4: the reason");
  CHECK(read_file(file.path) == "");
}

TEST_CASE("a hook without arguments is called by its path") {
  signal(SIGPIPE, SIG_IGN);
  CHECK(run_hooks({Hook{"/bin/true", {}, {}, std::nullopt}}, "prestart", "{}", {}));
}

TEST_CASE("poststop hooks all run") {
  signal(SIGPIPE, SIG_IGN);
  TemporaryFile file;
  // The warning of the first would go to the tests' stderr: it succeeds here, and the second shows that it is reached.
  run_hooks_to_the_end({shell_hook("exit 0"), shell_hook("echo ran > " + file.path)}, "poststop", "{}", {});
  CHECK(read_file(file.path) == "ran\n");
}

TEST_CASE("a hook that took too long is told from one that failed") {
  Hook hook = shell_hook("");
  hook.timeout = 5;
  CHECK(hook_timeout_ms(hook) == 5000);
  Captured captured;
  captured.timed_out = true;
  captured.status = SIGKILL;
  CHECK(hook_complaint(hook, "prestart", captured) ==
        "prestart hook \"/bin/sh\" was killed: it took longer than its timeout of 5 s");
  hook.timeout = 1'000'000'000'000;
  CHECK(hook_timeout_ms(hook) == 2147483647);
  hook.timeout.reset();
  CHECK(hook_timeout_ms(hook) == -1);
}

TEST_CASE("our own namespaces need no joining, and our pid is what it is") {
  auto join = namespaces_of(getpid(), 7);
  REQUIRE(join);
  CHECK(join->flags == 0);
  CHECK(join->pidfd == -1);
  CHECK(pid_inside(getpid()) == getpid());
}
