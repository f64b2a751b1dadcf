// Two verbs at once on one id: one wins, the other gets a sentence.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/rounds.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

struct Pair {
  Finished first, second;
  [[nodiscard]] int winners() const { return (first.code == 0) + (second.code == 0); }
};

Pair at_once(Sandbox& box, const Arguments& one, const Arguments& two) {
  Process first = box.spawn(one), second = box.spawn(two);
  return {first.wait(), second.wait()};
}

void check_loser(const Finished& f) {
  if (f.code == 0) return;
  INFO(f.err);
  CHECK(!f.timed_out);
  CHECK(one_sentence(f));
}

}  // namespace

TEST_CASE("create against create: one container, which works", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.probe("wait").save();
    Arguments create = {"create", "--bundle", box.bundle.path(), box.id()};
    Pair p = at_once(box, create, create);
    INFO(p.first.err << p.second.err);
    CHECK(p.winners() == 1);
    check_loser(p.first);
    check_loser(p.second);
    CHECK(box.status() == "created");
    CHECK(box.start().code == 0);
  }
}

TEST_CASE("start against start: the program runs once", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.file("log", "").probe("append /log once , wait");
    REQUIRE(box.create().code == 0);
    Pair p = at_once(box, {"start", box.id()}, {"start", box.id()});
    INFO(p.first.err << p.second.err);
    CHECK(p.winners() == 1);
    check_loser(p.first);
    check_loser(p.second);
    CHECK(eventually([&] { return box.bundle.read("log") == "once"; }));
  }
}

TEST_CASE("delete against delete: both end, nothing is left", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.add("/hooks/poststop",
                   R"({"path": "/bin/sh", "args": ["sh", "-c", "echo x >> )" + box.scratch() + R"(/log"]})");
    box.bundle.probe("exit 0");
    box.launch();
    REQUIRE(box.becomes("stopped"));
    Pair p = at_once(box, {"delete", box.id()}, {"delete", box.id()});
    INFO(p.first.err << p.second.err);
    CHECK(p.winners() == 1);
    check_loser(p.first);
    check_loser(p.second);
    CHECK(read_text(box.scratch() + "/log") == "x\n");
    CHECK(box.leftovers().empty());
  }
}

TEST_CASE("delete --force against itself: both succeed", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.probe("wait");
    box.launch();
    Pair p = at_once(box, {"delete", "--force", box.id()}, {"delete", "--force", box.id()});
    INFO(p.first.err << p.second.err);
    CHECK(p.winners() == 2);
    CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
  }
}

TEST_CASE("start against delete: either it runs, or it is gone", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.probe("wait");
    REQUIRE(box.create().code == 0);
    Pair p = at_once(box, {"start", box.id()}, {"delete", box.id()});
    INFO(p.first.err << p.second.err);
    CHECK(p.winners() == 1);
    check_loser(p.first);
    check_loser(p.second);
    if (p.first.code == 0)
      CHECK(box.status() == "running");
    else
      CHECK(box.leftovers().empty());
  }
}

TEST_CASE("exec against delete --force: nothing is left of either", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.probe("wait");
    box.launch();
    Pair p = at_once(box, {"exec", box.id(), "/probe", "wait"}, {"delete", "--force", box.id()});
    INFO(p.first.err << p.second.err);
    CHECK(p.first.code != 0);  // ended by the delete, or too late for it
    CHECK(!p.first.timed_out);
    CHECK(p.second.code == 0);
    CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
  }
}

TEST_CASE("create against delete --force: nothing half-made is left", "[fault][beyond-runc]") {
  for (unsigned i = 0; i < rounds(5); i++) {
    Sandbox box;
    box.bundle.probe("wait").save();
    Pair p =
        at_once(box, {"create", "--bundle", box.bundle.path(), box.id()}, {"delete", "--force", box.id()});
    INFO(p.first.err << p.second.err);
    check_loser(p.first);
    CHECK(p.second.code == 0);
    if (p.first.code == 0 && box.status() == "created") continue;
    CHECK(eventually([&] { return box.leftovers().empty(); }, 1));
  }
}

TEST_CASE("state while create runs says creating", "[lifecycle][beyond-runc]") {
  Sandbox box;
  box.bundle.add("/hooks/createRuntime", R"({"path": "/bin/sleep", "args": ["sleep", "0.3"]})")
      .probe("wait")
      .save();
  Process create = box.spawn({"create", "--bundle", box.bundle.path(), box.id()});
  bool seen = eventually([&] { return box.status() == "creating"; }, 2);
  CHECK(seen);
  CHECK(create.wait().code == 0);
  CHECK(box.status() == "created");
}

TEST_CASE("twenty containers at once", "[run]") {
  std::vector<std::unique_ptr<Sandbox>> boxes;
  std::vector<Process> runs;
  for (int i = 0; i < 20; i++) {
    boxes.push_back(std::make_unique<Sandbox>());
    boxes.back()->bundle.probe("echo ok , exit " + std::to_string(i));
    runs.push_back(boxes.back()->spawn_run());
  }
  for (int i = 0; i < 20; i++) {
    Finished f = runs[static_cast<size_t>(i)].wait();
    INFO(f.err);
    CHECK(f.code == i);
    CHECK(f.out == "ok\n");
  }
}
