#include "base/spawn.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/pidfd.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

Result<Captured> shell(const std::string& script, std::string_view input = "", int timeout_ms = 20'000) {
  signal(SIGPIPE, SIG_IGN);
  return run_captured({"/bin/sh", {"sh", "-c", script}, {"A=1"}, {}}, input, timeout_ms);
}

}  // namespace

TEST_CASE("a program starts in the directory that is asked for, else where the caller is") {
  SpawnRequest request{"/bin/sh", {"sh", "-c", "pwd -P"}, {}, {}, "/usr/bin"};
  auto there = run_captured(request, "", -1);
  REQUIRE(there);
  CHECK(there->out == "/usr/bin\n");
  request.directory = "/no/such/directory";
  auto here = run_captured(request, "", -1);
  request.directory.clear();
  auto unasked = run_captured(request, "", -1);
  REQUIRE(here);
  REQUIRE(unasked);
  CHECK(here->status == 0);
  CHECK(here->out == unasked->out);
}

TEST_CASE("a program's output, errors and status are caught") {
  auto captured = shell("read word; echo out $word; echo err >&2; exit 3", "hello\n");
  REQUIRE(captured);
  CHECK(captured->out == "out hello\n");
  CHECK(captured->err == "err\n");
  CHECK(exit_code(captured->status) == 3);
  CHECK(status_text(captured->status) == "exit status 3");
  CHECK_FALSE(captured->timed_out);
}

TEST_CASE("a program ended by a signal says which") {
  auto captured = shell("kill -9 $$");
  REQUIRE(captured);
  CHECK(exit_code(captured->status) == 137);
  CHECK(status_text(captured->status) == "signal 9 (Killed)");
}

TEST_CASE("input and output larger than a pipe go through") {
  std::string big(1 << 20, 'x');
  auto captured = shell("cat", big);
  REQUIRE(captured);
  CHECK(captured->out == big);
}

TEST_CASE("a program need not read its input") {
  auto captured = shell("exit 0", std::string(1 << 20, 'x'));
  REQUIRE(captured);
  CHECK(captured->status == 0);
}

TEST_CASE("the environment is exactly what was given, and no descriptor leaks") {
  auto captured = shell("/usr/bin/env | /bin/grep -v -e ^PWD= -e ^_=; /bin/ls /proc/self/fd");
  REQUIRE(captured);
  CHECK(captured->out == "A=1\n0\n1\n2\n3\n");  // 3 is the directory that ls reads
}

TEST_CASE("a program that takes too long is killed") {
  auto captured = shell("exec sleep 60", "", 50);
  REQUIRE(captured);
  CHECK(captured->timed_out);
  CHECK(WIFSIGNALED(captured->status));
}

TEST_CASE("a child that keeps the pipes open is not waited for") {
  auto captured = shell("sleep 5 & echo done");
  REQUIRE(captured);
  CHECK(captured->out == "done\n");
}

TEST_CASE("a program that can not be executed is an error that names it") {
  auto captured = run_captured({"/nonexistent/hook", {"hook"}, {}, {}}, "", -1);
  REQUIRE_FALSE(captured);
  CHECK(captured.error().text == "execute \"/nonexistent/hook\": No such file or directory");
}
