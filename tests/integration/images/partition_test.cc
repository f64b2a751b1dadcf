// Partitions from the command line: an image becomes something that runs, in one verb.
#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// A workshop with an image that runs programs, and directories of its own for partitions.
struct Estate {
  Workshop shop;
  Estate() {
    write_text(shop.scratch() + "/box.tar", tar_of(busybox_members()));
    shop.must({"image", "import", "-q", shop.scratch() + "/box.tar", "box:1"});
  }
  ~Estate() {
    std::string left = must({"ps", "-a", "-o", "name", "--no-heading"});
    for (const std::string& name : words(left)) run({"rm", "-f", name});
  }
  Estate(const Estate&) = delete;
  Estate& operator=(const Estate&) = delete;

  [[nodiscard]] std::vector<std::string> own(const std::vector<std::string>& arguments) const {
    std::vector<std::string> out = {"--root", shop.scratch() + "/root", "--run", shop.scratch() + "/run"};
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
  }
  Finished run(const std::vector<std::string>& arguments) const { return shop.shoji(own(arguments)); }
  std::string must(const std::vector<std::string>& arguments) const { return shop.must(own(arguments)); }
  std::string refused(const std::vector<std::string>& arguments, int code = 1) const {
    return shop.refused(own(arguments), code);
  }
  [[nodiscard]] std::string field(const std::string& name, const std::string& field) const {
    return must({"ps", "-a", "-o", field, "--no-heading", "--filter", "name=" + name});
  }
};

}  // namespace

TEST_CASE("a partition runs in the foreground, exits as its program does, and is gone", "[mounts]") {
  Estate estate;
  Finished finished = estate.run({"run", "--rm", "box:1", "/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(finished.code == 3);
  CHECK(finished.out == "out\n");
  CHECK(finished.err == "err\n");
  CHECK(eventually([&] { return estate.must({"ps", "-a", "--no-heading"}).empty(); }));
  CHECK(estate.must({"root", "ls", "--no-heading"}).empty());
}

TEST_CASE("a partition is started, looked into, stopped, started again and removed", "[mounts]") {
  Estate estate;
  const std::string kProgram = "trap 'exit 4' TERM; echo began; while :; do sleep 0.05; done";
  CHECK(estate.must({"run", "-d", "--name", "web", "-e", "A=1", "box:1", "/bin/sh", "-c", kProgram}) ==
        "web");
  CHECK(estate.field("web", "status") == "running");
  CHECK(eventually([&] { return estate.must({"logs", "web"}) == "began"; }));
  CHECK(estate.must({"exec", "web", "/bin/sh", "-c", "echo $(hostname) $A"}) == "web 1");
  CHECK(estate.must({"exec", "-e", "A=2", "web", "/bin/sh", "-c", "echo $A"}) == "2");
  CHECK(estate.refused({"rm", "web"}) == containing("it is running: stop it first, or use --force"));
  CHECK(estate.must({"pause", "web"}) == "web");
  CHECK(estate.field("web", "status") == "paused");
  CHECK(estate.must({"resume", "web"}) == "web");
  CHECK(estate.must({"stop", "web"}) == "web");
  CHECK(estate.field("web", "status") == "exited");
  CHECK(estate.field("web", "exit") == "4");
  CHECK(estate.must({"start", "web"}) == "web");
  CHECK(estate.field("web", "status") == "running");
  CHECK(estate.must({"kill", "-s", "KILL", "web"}) == "web");
  CHECK(estate.must({"wait", "web"}) == "137");
  CHECK(eventually([&] { return estate.field("web", "status") == "exited"; }));
  CHECK(estate.must({"rm", "web"}) == "web");
  CHECK(estate.must({"ps", "-a", "--no-heading"}).empty());
  CHECK(estate.must({"root", "ls", "--no-heading"}).empty());
}

TEST_CASE("a partition's root keeps what was written over a restart, and its limits hold", "[mounts]") {
  Estate estate;
  estate.must({"create", "--name", "web", "--pids-limit", "7", "box:1", "/bin/sh", "-c",
               "echo again >>/etc/count; cat /etc/count; cat /proc/self/status | grep -c NoNewPrivs"});
  CHECK(estate.field("web", "status") == "created");
  estate.must({"start", "web"});
  CHECK(eventually([&] { return estate.field("web", "status") == "exited"; }));
  estate.must({"start", "web"});
  CHECK(eventually([&] { return estate.must({"logs", "web"}) == "again\n1\nagain\nagain\n1"; }));
  CHECK(eventually([&] { return estate.field("web", "status") == "exited"; }));
}

TEST_CASE("a partition is made from its document", "[mounts]") {
  Estate estate;
  std::string file = estate.shop.scratch() + "/web.json";
  write_text(
      file,
      R"({"name": "web", "image": "box:1", "command": ["/bin/sh", "-c", "cat /run/secrets/key; echo $T"],
                       "env": {"T": "x"}, "secrets": [{"source": ")" +
          file + R"(.key", "target": "key"}], "restart": {"policy": "on-failure"}})");
  write_text(file + ".key", "secret ");
  Finished finished = estate.run({"run", "--spec", file});
  CHECK(finished.out == "secret x\n");
  CHECK(finished.code == 0);
  write_text(file, R"({"name": "web", "image": "box:1", "limits": {"memory": "much"}})");
  CHECK(estate.refused({"run", "--spec", file}, 2) == containing("/limits/memory: \"much\" is not a size"));
}

TEST_CASE("bad partitions are refused, and nothing is left of them", "[mounts]") {
  Estate estate;
  CHECK(estate.refused({"run", "--memory", "1Q", "box:1"}, 2) == containing("--memory"));
  CHECK(estate.refused({"run", "--restart", "often", "box:1"}, 2) == containing("--restart \"often\""));
  CHECK(estate.refused({"run", "-p", "80:80", "box:1"}, 2) == containing("--publish needs --network"));
  CHECK(estate.refused({"run", "--name", "a/b", "box:1"}, 2) == containing("/name: \"a/b\""));
  CHECK(estate.refused({"run", "--network", "nowhere", "box:1", "/bin/sh"}) == containing("\"nowhere\""));
  CHECK(estate.refused({"run", "--name", "x", "box:1", "/no/such"}) == containing("/no/such"));
  CHECK(estate.refused({"run", "-u", "bob", "box:1", "/bin/sh"}) == containing("there is no user \"bob\""));
  CHECK(estate.refused({"stop", "nobody"}) == containing("there is no partition \"nobody\""));
  CHECK(estate.must({"ps", "-a", "--no-heading"}).empty());
  CHECK(estate.must({"root", "ls", "--no-heading"}).empty());
  estate.must({"create", "--name", "web", "box:1"});
  CHECK(estate.refused({"create", "--name", "web", "box:1"}) == containing("partition \"web\" exists"));
}
