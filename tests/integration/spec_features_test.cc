// spec and features: documents that the runtime prints.
#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("spec writes a configuration that runs", "[spec]") {
  Sandbox box;
  CHECK(box.runtime({"spec", "--bundle", box.bundle.path()}).code == 0);
  std::string text = read_text(box.bundle.path() + "/config.json");
  CHECK(is_json(text));
  CHECK(json_at(text, "/process/terminal") == "true");
  CHECK(json_at(text, "/process/args") == R"(["sh"])");
  CHECK(json_at(text, "/process/noNewPrivileges") == "true");
  CHECK(json_at(text, "/root/readonly") == "true");
  CHECK(json_at(text, "/root/path") == "rootfs");
  CHECK(json_at(text, "/linux/namespaces").size() > 0);
  std::string changed = text;
  changed.replace(changed.find("\"terminal\": true"), 16, "\"terminal\":false");
  changed.replace(changed.find("\"sh\""), 4, R"("/probe", "echo", "runs")");
  Sandbox runs;
  for (const char* dir : {"proc", "dev", "sys"}) runs.bundle.dir(dir);
  runs.bundle.raw(changed);
  CHECK(runs.outcome() == "runs\n");
}

TEST_CASE("spec writes into the current directory by default", "[spec]") {
  Sandbox box;
  Command c = box.command({"spec"});
  c.cwd = box.scratch();
  CHECK(run_command(c).code == 0);
  CHECK(is_json(read_text(box.scratch() + "/config.json")));
}

TEST_CASE("spec does not overwrite", "[spec]") {
  Sandbox box;
  std::string file = box.bundle.path() + "/config.json";
  write_text(file, "mine");
  Finished f = box.runtime({"spec", "-b", box.bundle.path()});
  CHECK(f.code == 1);
  CHECK(f.err == saying("exists"));
  CHECK(read_text(file) == "mine");
}

TEST_CASE("features prints what the runtime understands", "[features]") {
  Sandbox box;
  Finished f = box.runtime({"features"});
  REQUIRE(f.code == 0);
  REQUIRE(is_json(f.out));
  CHECK(json_at(f.out, "/ociVersionMin") == "1.0.0");
  CHECK(json_at(f.out, "/ociVersionMax").substr(0, 2) == "1.");
  for (const char* hook :
       {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"})
    CHECK(json_at(f.out, "/hooks") == containing(json_string(hook)));
  for (const char* option : {"bind", "rbind", "ro", "nosuid", "rprivate", "tmpcopyup", "strictatime"})
    CHECK(json_at(f.out, "/mountOptions") == containing(json_string(option)));
  for (const char* ns : {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"})
    CHECK(json_at(f.out, "/linux/namespaces") == containing(json_string(ns)));
  CHECK(json_at(f.out, "/linux/capabilities") == containing("\"CAP_CHOWN\""));
  CHECK(json_at(f.out, "/linux/cgroup/v1") == "true");
  CHECK(json_at(f.out, "/linux/cgroup/v2") == "true");
  CHECK(json_at(f.out, "/linux/seccomp/enabled") == "true");
  for (const char* action : {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG"})
    CHECK(json_at(f.out, "/linux/seccomp/actions") == containing(json_string(action)));
  for (const char* op : {"SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"})
    CHECK(json_at(f.out, "/linux/seccomp/operators") == containing(json_string(op)));
  CHECK(json_at(f.out, "/linux/seccomp/archs") == containing("\"SCMP_ARCH_X86_64\""));
}

TEST_CASE("features names the seccomp flags and namespaces beyond runc 1.1", "[features][beyond-runc]") {
  Sandbox box;
  Finished f = box.runtime({"features"});
  for (const char* flag :
       {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"})
    CHECK(json_at(f.out, "/linux/seccomp/supportedFlags") == containing(json_string(flag)));
}
