// Descriptors: what the program inherits, and what it must not.
#include <fcntl.h>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

Command run_with_fds(Sandbox& box, const Arguments& flags, std::vector<std::pair<int, int>> fds) {
  box.bundle.save();
  Arguments arguments = {"run", "--bundle", box.bundle.path()};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back(box.id());
  Command c = box.command(arguments);
  c.fds = std::move(fds);
  return c;
}

shoji::UniqueFd some_file(const Sandbox& box) {
  write_text(box.scratch() + "/inherited", "from the caller\n");
  return shoji::UniqueFd(open((box.scratch() + "/inherited").c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

TEST_CASE("the program has stdin, stdout and stderr alone", "[fds]") {
  Sandbox box;
  shoji::UniqueFd file = some_file(box);
  box.bundle.probe("fds");
  Finished f = run_command(run_with_fds(box, {}, {{file.get(), 3}, {file.get(), 7}, {file.get(), 100}}));
  CHECK(f.out == containing("fd0="));
  CHECK(std::count(f.out.begin(), f.out.end(), '\n') == 3);
  CHECK(f.out != containing("inherited"));
}

TEST_CASE("exec's program has stdin, stdout and stderr alone", "[fds]") {
  Sandbox box;
  shoji::UniqueFd file = some_file(box);
  box.bundle.probe("wait");
  box.launch();
  Command c = box.command({"exec", box.id(), "/probe", "fds"});
  c.fds = {{file.get(), 3}, {file.get(), 9}};
  Finished f = run_command(c);
  CHECK(std::count(f.out.begin(), f.out.end(), '\n') == 3);
  CHECK(f.out != containing("inherited"));
}

TEST_CASE("create's program has stdin, stdout and stderr alone", "[fds]") {
  Sandbox box;
  box.bundle.probe("fds , wait");
  box.launch();
  REQUIRE(box.prints("fd2="));
  std::string seen = box.output();
  CHECK(std::count(seen.begin(), seen.end(), '\n') == 3);
}

TEST_CASE("option --preserve-fds passes that many from 3 on", "[fds]") {
  Sandbox box;
  shoji::UniqueFd file = some_file(box);
  box.bundle.probe("cat /proc/self/fd/3 , fds");
  Finished f = run_command(
      run_with_fds(box, {"--preserve-fds", "2"}, {{file.get(), 3}, {file.get(), 4}, {file.get(), 5}}));
  CHECK(f.out == containing("from the caller\n"));
  CHECK(f.out == containing("fd3="));
  CHECK(f.out == containing("fd4="));
  CHECK(f.out != containing("fd5="));
}

TEST_CASE("option --preserve-fds of descriptors that are not open is refused", "[fds]") {
  Sandbox box;
  box.bundle.probe("exit 0");
  Finished f = box.run({"--preserve-fds", "5"});
  CHECK(f.code == 1);
  CHECK(!f.err.empty());
  CHECK(box.leftovers().empty());
}

TEST_CASE("exec --preserve-fds passes descriptors too", "[fds]") {
  Sandbox box;
  shoji::UniqueFd file = some_file(box);
  box.bundle.probe("wait");
  box.launch();
  Command c = box.command({"exec", "--preserve-fds", "1", box.id(), "/probe", "cat", "/proc/self/fd/3"});
  c.fds = {{file.get(), 3}};
  CHECK(run_command(c).out == "from the caller\n");
}

TEST_CASE("LISTEN_FDS are passed with LISTEN_PID of the program", "[fds]") {
  Sandbox box;
  shoji::UniqueFd file = some_file(box);
  box.bundle.probe("env LISTEN_FDS , env LISTEN_PID , cat /proc/self/fd/3 , fds");
  Command c = run_with_fds(box, {}, {{file.get(), 3}, {file.get(), 4}});
  // sd_listen_fds(3): they are for the process whose pid LISTEN_PID is.
  c.argv.insert(c.argv.begin(), {"/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"", "sh"});
  Finished f = run_command(c);
  CHECK(f.out == containing("LISTEN_FDS=1\nLISTEN_PID=1\nfrom the caller\n"));
  CHECK(f.out != containing("fd4="));
}

TEST_CASE("the runtime works with closed stdin, stdout and stderr", "[fds]") {
  Sandbox box;
  box.bundle.probe("write /ran yes").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.argv.insert(c.argv.begin(), {"/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"});
  CHECK(run_command(c).code == 0);
  CHECK(box.bundle.read("ran") == "yes");
}
