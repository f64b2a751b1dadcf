// Flags, help, version and log of the program itself.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

// The runtime without a --root before the arguments.
Finished alone(const Arguments& arguments) {
  Command c{.argv = {runtime_program()}};
  c.argv.insert(c.argv.end(), arguments.begin(), arguments.end());
  return run_command(c);
}

}  // namespace

TEST_CASE("option --version prints runc's lines", "[cli]") {
  Sandbox box;
  for (const char* flag : {"--version", "-v"}) {
    Finished f = alone({flag});
    CHECK(f.code == 0);
    std::string first = f.out.substr(0, f.out.find('\n'));
    CHECK(first == containing(" version "));
    CHECK(first == containing("."));
    CHECK(line_of(f.out, "spec: ").substr(0, 8) == "spec: 1.");
    CHECK(f.err.empty());
  }
}

TEST_CASE("option --help lists every verb and global flag", "[cli]") {
  for (const Arguments& arguments : {Arguments{"--help"}, {"-h"}, {"help"}}) {
    Finished f = alone(arguments);
    INFO(arguments[0]);
    CHECK(f.code == 0);
    for (const char* word :
         {"create", "start", "run", "state", "kill", "delete", "exec", "ps", "list", "pause", "resume",
          "spec", "features", "--root", "--log", "--log-format", "--debug"})
      CHECK(f.out == containing(word));
  }
}

TEST_CASE("without arguments the help is shown", "[cli]") {
  Finished f = alone({});
  CHECK(f.code == 0);
  CHECK(f.out == containing("create"));
}

TEST_CASE("every verb has its own help", "[cli]") {
  for (const char* verb : {"create", "start", "run", "state", "kill", "delete", "exec", "ps", "list", "pause",
                           "resume", "spec", "features"})
    for (const char* flag : {"--help", "-h"}) {
      Finished f = alone({verb, flag});
      INFO(verb << " " << flag);
      CHECK(f.code == 0);
      CHECK(f.out == containing(verb));
    }
}

TEST_CASE("create's help names its flags", "[cli]") {
  Finished f = alone({"create", "--help"});
  for (const char* flag : {"--bundle", "-b", "--console-socket", "--pid-file", "--no-pivot",
                           "--no-new-keyring", "--preserve-fds"})
    CHECK(f.out == containing(flag));
}

TEST_CASE("exec's help names its flags", "[cli]") {
  Finished f = alone({"exec", "--help"});
  for (const char* flag :
       {"--console-socket", "--cwd", "--env", "--tty", "--user", "--additional-gids", "--process", "--detach",
        "--pid-file", "--cap", "--no-new-privs", "--preserve-fds", "--ignore-paused"})
    CHECK(f.out == containing(flag));
}

TEST_CASE("an unknown verb is refused", "[cli]") {
  Finished f = alone({"dance"});
  CHECK(f.code == 3);
  CHECK(f.err == containing("dance"));
}

TEST_CASE("an unknown flag is refused by name", "[cli]") {
  Sandbox box;
  for (const Arguments& arguments : {Arguments{"--nonsense", "list"},
                                     {"run", "--nonsense", "x"},
                                     {"list", "--nonsense"},
                                     {"state", "--nonsense", "x"},
                                     {"spec", "--nonsense=1"}}) {
    Finished f = alone(arguments);
    CHECK(f.code == 1);
    CHECK(f.err == containing("nonsense"));
  }
}

TEST_CASE("a missing or superfluous argument is refused", "[cli]") {
  Sandbox box;
  for (const Arguments& arguments : {Arguments{"state"},
                                     {"start"},
                                     {"run"},
                                     {"create"},
                                     {"delete"},
                                     {"kill"},
                                     {"pause"},
                                     {"resume"},
                                     {"ps"},
                                     {"state", "one", "two"},
                                     {"start", "one", "two"},
                                     {"create", "one", "two"},
                                     {"delete", "one", "two"}}) {
    Finished f = box.runtime(arguments);
    INFO(arguments[0]);
    CHECK(f.code == 1);
    CHECK(!f.err.empty());
  }
}

TEST_CASE("a flag that lacks its value is refused", "[cli]") {
  for (const Arguments& arguments : {Arguments{"create", "--bundle"}, {"--root"}, {"--log"}}) {
    Finished f = alone(arguments);
    CHECK(f.code == 1);
    CHECK(f.err == saying("needs a"));
  }
}

TEST_CASE("flags take their value after = as well", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo yes").save();
  Finished f = alone(
      {"--root=" + box.state_dir(), "--log-format=json", "run", "--bundle=" + box.bundle.path(), box.id()});
  CHECK(f.out == "yes\n");
}

TEST_CASE("boolean flags accept =true and =false", "[cli]") {
  Sandbox box;
  box.bundle.probe("exit 3");
  CHECK(box.run({"--keep=false"}).code == 3);
  CHECK(box.status().empty());
  CHECK(box.run({"--keep=true"}).code == 3);
  CHECK(box.status() == "stopped");
}

TEST_CASE("one dash is as good as two, as in Go", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo yes").save();
  Finished f = alone({"-root", box.state_dir(), "run", "-bundle", box.bundle.path(), box.id()});
  CHECK(f.out == "yes\n");
}

TEST_CASE("option --log takes the message in logrus's text format", "[cli]") {
  Sandbox box;
  std::string log = box.scratch() + "/log";
  Finished f = alone({"--log", log, "state", "never-created"});
  CHECK(f.code == 1);
  CHECK(read_text(log) == containing("level=error msg=\""));
  CHECK(read_text(log) == containing("does not exist"));
  CHECK(f.err == containing("does not exist"));
}

TEST_CASE("option --log-format json writes one object a line with level, msg and time", "[cli]") {
  Sandbox box;
  std::string log = box.scratch() + "/log.json";
  Finished f = alone({"--log", log, "--log-format", "json", "state", "never-created"});
  CHECK(f.code == 1);
  std::string text = read_text(log);
  REQUIRE(!text.empty());
  std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  CHECK(is_json(last));
  CHECK(json_at(last, "/level") == "error");
  CHECK(json_at(last, "/msg") == containing("does not exist"));
  CHECK(json_at(last, "/time").size() >= 20);
}

TEST_CASE("option --log appends", "[cli]") {
  Sandbox box;
  std::string log = box.scratch() + "/log";
  write_text(log, "before\n");
  alone({"--log", log, "state", "never-created"});
  CHECK(read_text(log).starts_with("before\n"));
  CHECK(read_text(log).size() > 7);
}

TEST_CASE("a log that cannot be written stops the verb before it does anything", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo ran").save();
  Finished f = alone({"--root", box.state_dir(), "--log", box.scratch() + "/absent/log", "run", "--bundle",
                      box.bundle.path(), box.id()});
  CHECK(f.code == 1);
  CHECK(f.out.empty());
  CHECK(f.err == "shoji-oci: open log \"" + box.scratch() + "/absent/log\": No such file or directory\n");
}

TEST_CASE("quotes and newlines of a message survive the JSON log", "[cli]") {
  Sandbox box;
  std::string log = box.scratch() + "/log.json";
  box.bundle.args({"/no/such \"program\"\n"}).save();
  alone({"--root", box.state_dir(), "--log", log, "--log-format", "json", "run", "--bundle",
         box.bundle.path(), box.id()});
  std::string text = read_text(log);
  REQUIRE(!text.empty());
  std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  CHECK(is_json(last));
  CHECK(json_at(last, "/msg") == containing("program"));
}

TEST_CASE("an unknown log format is refused", "[cli]") {
  Finished f = alone({"--log-format", "poetry", "list"});
  CHECK(f.code == 1);
  CHECK(f.err == containing("poetry"));
}

TEST_CASE("option --debug changes neither output nor exit code", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo quiet , exit 4").save();
  Finished f = alone({"--debug", "--root", box.state_dir(), "--log", box.scratch() + "/log", "run",
                      "--bundle", box.bundle.path(), box.id()});
  CHECK(f.code == 4);
  CHECK(f.out == "quiet\n");
  CHECK(f.err.empty());
}

TEST_CASE("ids with unsafe characters are refused", "[cli]") {
  Sandbox box;
  box.bundle.probe("exit 0").save();
  for (const char* id : {"", ".", "..", "../x", "a/b", "a b", "a\nb", "\xc3\xa4", "*"}) {
    Finished f = box.runtime({"create", "--bundle", box.bundle.path(), id});
    INFO("\"" << id << "\"");
    CHECK(f.code == 1);
    CHECK(!f.err.empty());
  }
}

TEST_CASE("ids of letters, digits, _ + - . are accepted", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo ok").save();
  for (const std::string& id : {box.id() + "_A+b-9.z", "Z" + box.id(), std::string(64, 'f')})
    CHECK(box.runtime({"run", "--bundle", box.bundle.path(), id}).out == "ok\n");
}

TEST_CASE("the state directory is made with its parents, for root only", "[cli]") {
  Sandbox box;
  std::string deep = box.scratch() + "/a/b/c";
  box.bundle.probe("echo ok").save();
  Finished f = alone({"--root", deep, "run", "--bundle", box.bundle.path(), box.id()});
  CHECK(f.out == "ok\n");
}

TEST_CASE("a relative --root is relative to the caller's directory", "[cli]") {
  Sandbox box;
  box.bundle.probe("wait").save();
  Command c{.argv = {runtime_program(), "--root", "state", "create", "--bundle", "b", box.id()}};
  c.cwd = box.scratch();
  CHECK(run_command(c).code == 0);
  CHECK(box.status() == "created");
}

TEST_CASE("verbs work with an empty environment", "[cli]") {
  Sandbox box;
  box.bundle.probe("echo ok").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.env.emplace();
  CHECK(run_command(c).out == "ok\n");
}
