// The documents that we print ourselves.
#include "base/json.h"
#include "spec/default_spec.h"
#include "spec/features.h"
#include "spec/fields.h"
#include "spec/state_doc.h"
#include "spec/validate.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

Spec loaded(const std::string& text) {
  auto document = JsonDocument::parse(text, "config.json");
  REQUIRE(document);
  auto spec = load_spec(*document);
  REQUIRE(spec);
  REQUIRE(validate(*spec));
  return *spec;
}

}  // namespace

TEST_CASE("default spec: loads, is valid and says what runc's says") {
  Spec spec = loaded(default_spec({}));
  CHECK(spec.oci_version == "1.3.0");
  CHECK(spec.root.path == "rootfs");
  CHECK(spec.root.readonly);
  CHECK(spec.process->terminal);
  CHECK(spec.process->no_new_privileges);
  CHECK(spec.process->args == std::vector<std::string>{"sh"});
  CHECK(spec.process->capabilities->bounding.size() == 3);
  CHECK(spec.process->capabilities->ambient.empty());
  CHECK(spec.process->rlimits.size() == 1);
  CHECK(spec.mounts.size() == 7);
  CHECK(spec.mounts[0].options.empty());
  CHECK(spec.mounts[2].options.size() == 6);
  CHECK(spec.linux.namespaces.size() == 5);
  CHECK(spec.linux.resources.devices.size() == 1);
  CHECK(spec.linux.masked_paths.size() == 11);
  CHECK(spec.linux.readonly_paths.size() == 5);
  CHECK(loaded(default_spec({.rootless = false, .cgroup_namespace = true})).linux.namespaces.size() == 6);
}

TEST_CASE("default spec: rootless maps the caller and takes what it may not do away") {
  Spec spec = loaded(default_spec({.rootless = true, .uid = 1000, .gid = 100}));
  CHECK(spec.linux.uid_mappings[0].host_id == 1000);
  CHECK(spec.linux.gid_mappings[0].host_id == 100);
  CHECK(spec.linux.resources.devices.empty());
  CHECK(spec.mounts[2].options.back() == "mode=0620");
  CHECK(spec.mounts[5].type == "none");
  CHECK(spec.mounts[5].options.front() == "rbind");
  std::string types;
  for (const Namespace& each : spec.linux.namespaces) types += each.type + " ";
  CHECK(types == "pid ipc uts mount user ");
}

TEST_CASE("state: runc's members in runc's order") {
  std::vector<std::pair<std::string, std::string>> annotations = {{"k", "v"}};
  StateDocument state{.id = "web",
                      .pid = 7,
                      .status = "running",
                      .bundle = "/b",
                      .rootfs = "/b/rootfs",
                      .created = "2026-01-02T03:04:05Z",
                      .annotations = &annotations,
                      .owner = "root"};
  CHECK(print_state(state) ==
        "{\n  \"ociVersion\": \"1.3.0\",\n  \"id\": \"web\",\n  \"pid\": 7,\n  \"status\": \"running\",\n"
        "  \"bundle\": \"/b\",\n  \"rootfs\": \"/b/rootfs\",\n  \"created\": \"2026-01-02T03:04:05Z\",\n"
        "  \"annotations\": {\n    \"k\": \"v\"\n  },\n  \"owner\": \"root\"\n}");
  CHECK(
      print_hook_state(state) ==
      R"({"ociVersion":"1.3.0","id":"web","status":"running","pid":7,"bundle":"/b","annotations":{"k":"v"}})");
  annotations.clear();
  state.pid = 0;
  state.status = "stopped";
  CHECK(print_hook_state(state) == R"({"ociVersion":"1.3.0","id":"web","status":"stopped","bundle":"/b"})");
  CHECK(!print_state(state).contains("annotations"));
  CHECK(print_state(state).contains("\"pid\": 0"));
}

TEST_CASE("features: the refused sections are not enabled, the others are") {
  auto document = JsonDocument::parse(
      print_features(
          {.version = "1.2", .libseccomp_version = "2.5.4", .seccomp_flags = {"SECCOMP_FILTER_FLAG_LOG"}}),
      "f");
  REQUIRE(document);
  Json linux = document->root().find("linux");
  CHECK(linux.find("netDevices").find("enabled").as_bool() == true);
  CHECK(linux.find("intelRdt").find("enabled").as_bool() == false);
  CHECK(linux.find("seccomp").find("enabled").as_bool() == true);
  CHECK(linux.find("seccomp").find("supportedFlags").size() == 1);
  CHECK(linux.find("namespaces").first().as_string() == "cgroup");
  CHECK(linux.find("namespaces").size() == 8);
  CHECK(document->root().find("hooks").size() == 6);
  CHECK(document->root().find("annotations").find("org.shoji.version").as_string() == "1.2");
  auto without = JsonDocument::parse(print_features({}), "f");
  CHECK(without->root().find("linux").find("seccomp").find("enabled").as_bool() == false);
  CHECK(!without->root().find("linux").find("seccomp").find("actions").exists());
}
