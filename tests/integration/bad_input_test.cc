// Configurations that cannot be run: one sentence, exit code 1, nothing left.
#include <sys/resource.h>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

// What every refusal has in common. runc's messages are not always one line, and may say "failed to".
void check_refused(Sandbox& box, const Finished& f) {
  INFO("out: " << f.out << "err: " << f.err);
  CHECK(f.code == 1);
  CHECK(!f.timed_out);
  CHECK(f.out.empty());
  CHECK(!f.err.empty());
  if (!runtime_is_runc()) CHECK(one_sentence(f));
  CHECK(box.leftovers().empty());
}

void check_create_and_run_refuse(Sandbox& box) {
  check_refused(box, box.create());
  check_refused(box, box.run());
}

}  // namespace

TEST_CASE("text that is not JSON is refused", "[bad-input]") {
  for (const char* text : {"", "{", "[]", "null", "\"x\"", "{}}", "{\"ociVersion\": }", "{'a': 1}",
                           "\xff\xfe{}", "{\"a\": 01}"}) {
    if (runtime_is_runc() && std::string(text) == "null") continue;  // a nil pointer there
    Sandbox box;
    box.bundle.raw(text);
    INFO("\"" << text << "\"");
    check_create_and_run_refuse(box);
  }
}

TEST_CASE("a syntax error is reported with line, column and pointer", "[bad-input][beyond-runc]") {
  Sandbox box;
  box.bundle.raw("{\n  \"ociVersion\": \"1.0.2\",\n  \"process\": {\n    \"args\": [\"a\" \"b\"]\n  }\n}\n");
  Finished f = box.create();
  check_refused(box, f);
  CHECK(f.err == containing("config.json"));
  CHECK(f.err == saying("line 4"));
  CHECK((f.err == saying("column 18") || f.err == saying("column 20")));  // where "b" begins or ends
  CHECK(f.err == containing("/process/args"));
}

TEST_CASE("a truncated configuration is refused at its end", "[bad-input]") {
  Sandbox whole;
  std::string text = whole.bundle.document();
  for (size_t cut : {size_t{1}, text.size() / 3, text.size() / 2, text.size() - 2}) {
    Sandbox box;
    box.bundle.raw(text.substr(0, cut));
    check_create_and_run_refuse(box);
  }
}

TEST_CASE("a wrong type is reported by its pointer", "[bad-input][beyond-runc]") {
  struct {
    const char* pointer;
    const char* value;
  } const cases[] = {{"/process", "[]"},
                     {"/process/args", "\"sh\""},
                     {"/process/args/0", "7"},
                     {"/process/user/uid", "\"0\""},
                     {"/process/user/uid", "-1"},
                     {"/process/user/uid", "4294967296"},
                     {"/process/user/uid", "1.5"},
                     {"/process/terminal", "\"yes\""},
                     {"/process/env", "{}"},
                     {"/process/rlimits/0/soft", "\"many\""},
                     {"/root", "\"rootfs\""},
                     {"/root/readonly", "1"},
                     {"/hostname", "5"},
                     {"/mounts", "{}"},
                     {"/mounts/0/destination", "[]"},
                     {"/mounts/0/options", "\"ro\""},
                     {"/linux/namespaces", "\"pid\""},
                     {"/linux/namespaces/0", "\"pid\""},
                     {"/linux/resources/memory", R"({"limit": "64M"})"},
                     {"/linux/resources/devices/0/allow", "\"no\""},
                     {"/linux/sysctl", "[]"},
                     {"/hooks", "[]"},
                     {"/annotations", R"({"a": 1})"}};
  for (auto [pointer, value] : cases) {
    Sandbox box;
    box.bundle.set(pointer, value);
    Finished f = box.create();
    INFO(pointer << " = " << value);
    check_refused(box, f);
    CHECK(f.err == containing(pointer));
  }
}

TEST_CASE("a missing required property is refused by name", "[bad-input]") {
  for (const char* pointer : {"/process", "/root", "/process/args", "/process/cwd", "/ociVersion"}) {
    Sandbox box;
    box.bundle.drop(pointer);
    Finished f = box.create();
    INFO(pointer);
    if (runtime_is_runc() && f.code == 0) continue;
    check_refused(box, f);
    std::string name = pointer;
    CHECK(f.err == saying(name.substr(name.rfind('/') + 1)));
  }
}

TEST_CASE("an OCI version of another major is refused", "[bad-input][beyond-runc]") {
  for (const char* version : {"\"2.0.0\"", "\"0.9\"", "\"\"", "\"latest\""}) {
    Sandbox box;
    box.bundle.set("/ociVersion", version);
    Finished f = box.create();
    INFO(version);
    check_refused(box, f);
    CHECK(f.err == containing("/ociVersion"));
  }
}

TEST_CASE("later minor versions and unknown properties are accepted", "[bad-input]") {
  Sandbox box;
  // runtime-spec: "Unknown properties MUST be ignored".
  box.bundle.set("/ociVersion", "\"1.3.9\"").set("/com.example", R"({"deep": [1, {"x": null}]})");
  box.bundle.set("/process/later", "true").set("/linux/later", "[]").probe("echo ok");
  CHECK(box.outcome() == "ok\n");
}

TEST_CASE("null means absent, as in Go", "[bad-input]") {
  Sandbox box;
  for (const char* pointer : {"/process/rlimits", "/hooks", "/annotations", "/linux/sysctl", "/linux/seccomp",
                              "/process/oomScoreAdj"})
    box.bundle.set(pointer, "null");
  box.bundle.probe("echo ok");
  CHECK(box.outcome() == "ok\n");
}

TEST_CASE("a missing bundle or configuration is refused by name", "[bad-input]") {
  Sandbox box;
  Finished f = box.runtime({"create", "--bundle", "/no/such/bundle", box.id()});
  check_refused(box, f);
  CHECK(f.err == containing("/no/such/bundle"));
  Finished g = box.runtime({"create", "--bundle", box.bundle.path(), box.id()});
  check_refused(box, g);
  CHECK(g.err == containing("config.json"));
}

TEST_CASE("a configuration that is a directory or a device is refused", "[bad-input]") {
  Sandbox box;
  mkdir((box.bundle.path() + "/config.json").c_str(), 0755);
  check_refused(box, box.runtime({"create", "--bundle", box.bundle.path(), box.id()}));
  rmdir((box.bundle.path() + "/config.json").c_str());
  REQUIRE(symlink("/dev/null", (box.bundle.path() + "/config.json").c_str()) == 0);
  check_refused(box, box.runtime({"create", "--bundle", box.bundle.path(), box.id()}));
}

TEST_CASE("a root that is a file is refused", "[bad-input]") {
  Sandbox box;
  write_text(box.bundle.path() + "/file", "");
  box.bundle.set("/root/path", "\"file\"");
  check_create_and_run_refuse(box);
}

TEST_CASE("a configuration of 10 MiB is read", "[bad-input]") {
  Sandbox box;
  box.bundle.set("/com.example.big", json_string(std::string(10 << 20, 'x'))).probe("echo ok");
  CHECK(box.outcome() == "ok\n");
}

TEST_CASE("10 MiB of nested lists are refused, not crashed on", "[bad-input]") {
  Sandbox box;
  std::string text = "{\"deep\": ";
  text += std::string(5 << 20, '[') + std::string(5 << 20, ']') + "}";
  box.bundle.raw(text);
  check_refused(box, box.create());
}

TEST_CASE("10 MiB of annotations are handed to hooks and state", "[bad-input]") {
  Sandbox box;
  std::string annotations = "{";
  for (int i = 0; i < 10; i++)
    annotations += (i ? ",\"" : "\"") + std::to_string(i) + "\": \"" + std::string(1 << 20, 'x') + "\"";
  box.bundle.set("/annotations", annotations + "}").probe("wait");
  box.launch();
  CHECK(box.state("/annotations/9").size() == 1 << 20);
}

TEST_CASE("10,000 environment variables arrive", "[bad-input]") {
  Sandbox box;
  std::string list = "[\"HOME=/\"";
  for (int i = 1; i < 10000; i++) list += ",\"V" + std::to_string(i) + "=x\"";
  box.bundle.set("/process/env", list + "]").probe("env-count , env V9999");
  CHECK(box.outcome() == "environ=10000\nV9999=x\n");
}

TEST_CASE("an environment larger than the kernel takes is one sentence", "[bad-input]") {
  Sandbox box;
  box.bundle.set("/process/env", "[" + json_string("BIG=" + std::string(200000, 'x')) + "]").probe("exit 0");
  Finished f = box.run();
  check_refused(box, f);
  CHECK(f.err == saying("argument list too long"));
}

TEST_CASE("10,000 mounts are made and taken away", "[bad-input][slow]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "x");
  for (int i = 0; i < 10000; i++)
    box.bundle.mount("/m/" + std::to_string(i), "bind", box.scratch() + "/file", "bind");
  box.bundle.probe("stat /m/9999").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.soft_limits = {{RLIMIT_NOFILE, 1024}};  // what a shell gives: fewer descriptors than mounts
  Finished f = run_command(c, 120);
  INFO(f.err);
  CHECK(f.out == containing("/m/9999: file"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a NUL in a string is refused by its pointer", "[bad-input][beyond-runc]") {
  struct {
    const char* pointer;
    const char* value;
  } const cases[] = {{"/process/args/0", R"("/probe\u0000x")"},
                     {"/process/env/0", R"("A=\u0000")"},
                     {"/hostname", R"("a\u0000b")"},
                     {"/mounts/0/destination", R"("/proc\u0000")"},
                     {"/root/path", R"("rootfs\u0000x")"}};
  for (auto [pointer, value] : cases) {
    Sandbox box;
    box.bundle.set(pointer, value);
    Finished f = box.create();
    INFO(pointer);
    check_refused(box, f);
    CHECK(f.err == containing(pointer));
  }
}

TEST_CASE("names that are too long are refused", "[bad-input]") {
  Sandbox box;
  box.bundle.set("/hostname", json_string(std::string(100, 'h')));
  check_refused(box, box.create());
  Sandbox long_id;
  long_id.bundle.save();
  CHECK(long_id.runtime({"create", "--bundle", long_id.bundle.path(), std::string(1100, 'a')}).code == 1);
}

TEST_CASE("a rlimit above the host's maximum names that maximum", "[bad-input][beyond-runc]") {
  rlimit own{};
  getrlimit(RLIMIT_NOFILE, &own);
  std::string status = read_text("/proc/self/status");
  unsigned long long effective = strtoull(line_of(status, "CapEff:").c_str() + 8, nullptr, 16);
  if ((effective & (1ull << 24)) != 0) return;  // CAP_SYS_RESOURCE may raise it
  Sandbox box;
  box.bundle.set("/process/rlimits", R"([{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1048576}])");
  Finished f = box.create();
  check_refused(box, f);
  CHECK(f.err == containing("RLIMIT_NOFILE"));
  CHECK(f.err == containing("1048576"));
  CHECK(f.err == containing(std::to_string(own.rlim_max)));
}

TEST_CASE("an empty destination or a mount without a source is refused or harmless", "[bad-input]") {
  Sandbox box;
  box.bundle.mount("", "tmpfs", "tmpfs", "").probe("exit 0");
  Finished f = box.create();
  CHECK(f.code == 1);
  CHECK(box.leftovers().empty());
}

TEST_CASE("a pid file that cannot be written is an error and leaves nothing", "[bad-input]") {
  Sandbox box;
  box.bundle.probe("wait");
  Finished f = box.create({"--pid-file", "/no/such/dir/pid"});
  check_refused(box, f);
  CHECK(f.err == saying("/no/such/dir"));
}

TEST_CASE("refusals are one sentence that names verb, id and object", "[bad-input][beyond-runc]") {
  Sandbox box;
  box.bundle.args({"/no/such/program"});
  Finished f = box.create();
  check_refused(box, f);
  CHECK(f.err.starts_with("shoji-oci: create " + box.id() + ": "));
  CHECK(f.err == containing("\"/no/such/program\""));
}
