// The walker, hosted: single steps and whole plans that need no rights.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/io.h"
#include "base/step_list.h"
#include "runtime/init/walker.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct Run {
  std::vector<Message> messages;
  int status = 0;
};

// Walks the plan in a child of the test and answers every question.
Run walk(const StepList& list) {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::string blob = list.blob(theirs.get(), proc.get());
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    close(ours.release());
    Walker walker;
    _exit(walker.load(blob.data()) ? walker.walk() : 99);
  }
  theirs.reset();
  Run run;
  Message message{};
  while (read(ours.get(), &message, sizeof message) == static_cast<ssize_t>(sizeof message)) {
    run.messages.push_back(message);
    if (message.kind == MessageKind::kSync) REQUIRE(write(ours.get(), &kGo, 1) == 1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

void push_program(StepList& list, const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  Step& find = list.add(StepKind::kFindProgram);
  list.s0(find, argv[0]);
  std::vector<std::string> candidates{"/nonexistent/sh", "/bin/sh"};
  list.v0(find, candidates);
  Step& exec = list.add(StepKind::kExec);
  list.v0(exec, argv);
  list.v1(exec, env);
}

}  // namespace

TEST_CASE("a plan is walked in order and ends in its program") {
  StepList list;
  list.add(StepKind::kSetsid);
  list.add(StepKind::kSync).u0 = static_cast<uint64_t>(SyncPoint::kReady);
  push_program(list, {"sh", "-c", "exit $CODE"}, {"CODE=42"});
  Run run = walk(list);
  CHECK(run.status == 42);
  REQUIRE(run.messages.size() == 1);
  CHECK(run.messages[0].kind == MessageKind::kSync);
  CHECK(run.messages[0].value == static_cast<uint32_t>(SyncPoint::kReady));
}

TEST_CASE("the failing step is named with its part and errno") {
  StepList list;
  list.add(StepKind::kNone);
  Step& write = list.add(StepKind::kWriteProc);
  list.s0(write, "self/no-such-file");
  list.s1(write, "1");
  Run run = walk(list);
  CHECK(run.status == 1);
  REQUIRE(run.messages.size() == 1);
  CHECK(run.messages[0].kind == MessageKind::kFailed);
  CHECK(run.messages[0].value == 1);
  CHECK(run.messages[0].err == ENOENT);
  CHECK((run.messages[0].detail & 0xffff) == static_cast<uint32_t>(StepPart::kOpen));
  CHECK(run.messages[0].detail >> kDetailKindShift == static_cast<uint32_t>(StepKind::kWriteProc));
}

TEST_CASE("an alternative runs only when the step before was refused") {
  auto status = [](int first_umask, bool refused) {
    StepList list;
    int32_t slot = list.slot(0);  // not a namespace: EINVAL
    Step& first = list.add(refused ? StepKind::kSetns : StepKind::kUmask);
    first.on_error = OnError::kNextIfRefused;
    first.u0 = static_cast<uint64_t>(first_umask);
    first.a = slot;
    list.add(StepKind::kUmask).u0 = 7;
    push_program(list, {"sh", "-c", "exit $(umask)"}, {});
    return walk(list).status;
  };
  CHECK(status(5, false) == 5);
  CHECK(status(5, true) == 7);
}

TEST_CASE("before paths are walked, descriptors of the host close and the caller's stay") {
  UniqueFd directory(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd high(fcntl(directory.get(), F_DUPFD, 200));
  UniqueFd gate(fcntl(directory.get(), F_DUPFD, 210));
  UniqueFd preserved(fcntl(directory.get(), F_DUPFD, 3));
  StepList list;
  int32_t slot = list.slot(gate.get());
  Step& close = list.add(StepKind::kCloseHost);
  close.a = slot;
  close.u0 = static_cast<uint64_t>(preserved.get()) + 1;
  push_program(list,
               {"sh", "-c",
                cat("test -e /proc/self/fd/", preserved.get(), " && test -e /proc/self/fd/", gate.get(),
                    " && ! test -e /proc/self/fd/", high.get(), " && exit 42")},
               {});
  CHECK(walk(list).status == 42);
}

TEST_CASE("without a usable program the best reason is given") {
  auto reason = [](std::vector<std::string> candidates) {
    StepList list;
    Step& find = list.add(StepKind::kFindProgram);
    list.s0(find, "x");
    list.v0(find, candidates);
    Run run = walk(list);
    REQUIRE(run.messages.size() == 1);
    return run.messages[0].err;
  };
  CHECK(reason({"/nonexistent/x", "/etc/passwd"}) == EACCES);
  CHECK(reason({"/etc/passwd", "/nonexistent/x"}) == EACCES);
  CHECK(reason({"/nonexistent/x"}) == ENOENT);
  CHECK(reason({"/etc"}) == EACCES);
  CHECK(reason({}) == ENOENT);
}

TEST_CASE("a silent parent ends the walk") {
  StepList list;
  list.add(StepKind::kSync).u0 = static_cast<uint64_t>(SyncPoint::kReady);
  push_program(list, {"sh", "-c", "exit 42"}, {});
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  std::string blob = list.blob(pair[1], -1);
  pid_t pid = fork();
  if (pid == 0) {
    close(pair[0]);
    Walker walker;
    _exit(walker.load(blob.data()) ? walker.walk() : 99);
  }
  close(pair[1]);
  Message message{};
  REQUIRE(read(pair[0], &message, sizeof message) == static_cast<ssize_t>(sizeof message));
  close(pair[0]);
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}

TEST_CASE("a blob that is no plan is refused") {
  std::string zeros(sizeof(PlanHeader), '\0');
  Walker walker;
  CHECK_FALSE(walker.load(zeros.data()));
}

namespace {

struct Ended {
  int code;           // of the first process
  std::string facts;  // what it wrote
};

Ended supervise(std::string_view script) {
  char name[] = "/tmp/shoji-exit.XXXXXX";
  UniqueFd file(mkostemp(name, O_CLOEXEC | O_APPEND));
  REQUIRE(file);
  unlink(name);
  StepList list;
  list.add(StepKind::kSupervise).a = list.slot(file.get());
  push_program(list, {"sh", "-c", std::string(script)}, {});
  int code = walk(list).status;
  char text[128];
  ssize_t size = pread(file.get(), text, sizeof text, 0);
  return {code, std::string(text, size > 0 ? static_cast<size_t>(size) : 0)};
}

}  // namespace

TEST_CASE("the first process writes down how the program ended, and ends the same") {
  Ended normal = supervise("exit 7");
  CHECK(normal.code == 7);
  CHECK(normal.facts.starts_with("1792 1"));  // as of waitpid(2), and a time of this century
  CHECK(std::ranges::count(normal.facts, ' ') == 2);
  CHECK(normal.facts.ends_with('\n'));
  Ended killed = supervise("kill -9 $$");
  CHECK(killed.code == 137);
  CHECK(killed.facts.starts_with("9 1"));
}

TEST_CASE("the first process hands signals on and outlives other children") {
  CHECK(supervise("trap 'exit 9' TERM; kill -TERM $PPID; while :; do sleep 0.01; done").code == 9);
  CHECK(supervise("trap 'exit 8' USR1; sleep 0 & kill -USR1 $PPID; while :; do sleep 0.01; done").code == 8);
  CHECK(supervise("exec 3>&-; test ! -e /proc/$PPID/fd/4; (sleep 0.05; exit 3) & wait $!").code == 3);
}
