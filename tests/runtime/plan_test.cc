// Whole plans against golden step lists: the order of everything that happens to a container, without root.
// SHOJI_UPDATE_GOLDEN=1 writes them anew; the difference is then for a person to read.
#include "runtime/plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/io.h"
#include "base/step_text.h"
#include "spec/default_spec.h"
#include "spec/fields.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct Scene {
  std::string top;
  Bundle bundle;
  HostFacts host;
  PlanOptions options;
  Scene() {
    char name[] = "/tmp/shoji-plan-XXXXXX";
    top = mkdtemp(name);
    REQUIRE(mkdir((top + "/rootfs").c_str(), 0755) == 0);
    DefaultSpecOptions wanted;
    wanted.cgroup_namespace = true;
    auto document = JsonDocument::parse(default_spec(wanted), "config.json");
    REQUIRE(document);
    auto spec = load_spec(*document);
    REQUIRE(spec);
    bundle = Bundle{top, top + "/rootfs", std::move(*spec)};
    bundle.spec.process->terminal = false;
    host.can_raise_limits = true;
    host.effective_caps = (1ULL << 41) - 1;
    host.last_cap = 40;
    for (rlimit& limit : host.limits) limit = {512, 4096};
    options.id = "scene";
    options.cgroups = {{"", "/sys/fs/cgroup", "/sys/fs/cgroup/scene"}};
  }
  ~Scene() { ignore(remove_tree(top), "a temporary directory"); }

  [[nodiscard]] InitPlan plan() const {
    auto made = plan_container(bundle, host, options, {});
    if (!made) FAIL(made.error().text);
    return std::move(*made);
  }

  // One line per step, with this run's paths replaced.
  [[nodiscard]] std::string dump(const InitPlan& made) const {
    std::string out = cat("clone_flags=", made.clone_flags, "\n");
    for (uint32_t i = 0; i < made.steps.steps().size(); ++i) out += step_dump(made.steps, i) + "\n";
    for (size_t at = out.find(top); at != std::string::npos; at = out.find(top))
      out.replace(at, top.size(), "BUNDLE");
    return out;
  }
};

void check_golden(const std::string& name, const std::string& dump) {
  std::string path = cat(SHOJI_SOURCE_DIR "/tests/runtime/golden/", name, ".plan");
  if (getenv("SHOJI_UPDATE_GOLDEN") != nullptr) REQUIRE(write_file_atomically(path, dump, 0644));
  auto expected = read_file(path);
  REQUIRE(expected);
  CHECK(dump == *expected);
}

}  // namespace

TEST_CASE("the plan of the default configuration") {
  Scene scene;
  check_golden("default", scene.dump(scene.plan()));
}

TEST_CASE("the plan of create waits at the gate after everything is made") {
  Scene scene;
  scene.options.gate = true;
  InitPlan plan = scene.plan();
  check_golden("gated", scene.dump(plan));
  CHECK(plan.gate_slot >= 0);
  CHECK(plan.report_slot >= 0);
}

TEST_CASE("the plan of a container with its own user namespace") {
  Scene scene;
  scene.bundle.spec.linux.namespaces.push_back({"user", ""});
  scene.bundle.spec.linux.namespaces.push_back({"time", ""});
  scene.bundle.spec.linux.monotonic_offset = TimeOffset{100, 0};
  scene.bundle.spec.linux.uid_mappings = {{0, 100000, 65536}};
  scene.bundle.spec.linux.gid_mappings = {{0, 100000, 65536}};
  InitPlan plan = scene.plan();
  check_golden("user_namespace", scene.dump(plan));
  CHECK(plan.maps_users);
  CHECK(plan.clone_flags == 0);
}

TEST_CASE("the plan of a process with everything set") {
  Scene scene;
  Process& process = *scene.bundle.spec.process;
  process.terminal = true;
  process.console_size = ConsoleSize{24, 80};
  process.user = User{1000, 1000, 027, {10, 20}, ""};
  process.rlimits = {{"RLIMIT_NOFILE", 8192, 1024}};
  process.oom_score_adj = 100;
  process.no_new_privileges = false;
  process.io_priority = IoPriority{"IOPRIO_CLASS_BE", 4};
  Scheduler scheduler;
  scheduler.policy = "SCHED_BATCH";
  scheduler.nice = 5;
  process.scheduler = scheduler;
  scene.bundle.spec.linux.sysctl = {{"net.ipv4.ip_forward", "1"}};
  Seccomp seccomp;
  seccomp.default_action = "SCMP_ACT_ALLOW";
  scene.bundle.spec.linux.seccomp = seccomp;
  Hook hook;
  hook.path = "/bin/true";
  scene.bundle.spec.hooks.create_runtime = {hook};
  check_golden("process", scene.dump(scene.plan()));
}

TEST_CASE("network devices are waited for before anything that may be about them") {
  Scene scene;
  Spec& spec = scene.bundle.spec;
  spec.linux.net_devices = {{"eth0", "net0"}};
  spec.linux.sysctl = {{"net.ipv4.conf.net0.forwarding", "1"}};
  Hook hook;
  hook.path = "/bin/true";
  spec.hooks.create_runtime = {hook};
  check_golden("net_devices", scene.dump(scene.plan()));
}

TEST_CASE("a limit above the host's maximum is refused with the maximum") {
  Scene scene;
  scene.host.can_raise_limits = false;
  scene.bundle.spec.process->rlimits = {{"RLIMIT_NOFILE", 1048576, 1024}};
  auto plan = plan_container(scene.bundle, scene.host, scene.options, {});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text ==
        "set limit RLIMIT_NOFILE to 1048576: the host's maximum is 4096, and raising it takes "
        "CAP_SYS_RESOURCE");
}

TEST_CASE("capabilities that the runtime has not are refused by name") {
  Scene scene;
  scene.host.effective_caps &= ~(1ULL << 5);
  auto plan = plan_container(scene.bundle, scene.host, scene.options, {});
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text.find("CAP_KILL") != std::string::npos);
}
