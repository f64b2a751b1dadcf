#include "spec/validate.h"

#include "tests/catch.h"
#include "tests/spec/good_spec.h"

using namespace shoji;

namespace {

struct Case {
  void (*break_it)(Spec& spec);
  const char* message;
};

void check_all(std::initializer_list<Case> cases) {
  for (const Case& each : cases) {
    Spec spec = good_spec();
    REQUIRE(validate(spec));
    each.break_it(spec);
    Result<> verdict = validate(spec);
    INFO(each.message);
    REQUIRE(!verdict);
    CHECK(verdict.error().text == each.message);
  }
}

}  // namespace

TEST_CASE("validate: versions 1.x are read") {
  for (const char* version : {"1.0.0", "1.0.2-dev", "1.3.0", "1.9.12", "1.0.0-rc5-dev+git"}) {
    Spec spec = good_spec();
    spec.oci_version = version;
    CHECK(validate(spec));
  }
  for (const char* version : {"", "1", "1.0", "1.0.0.0", "v1.0.0", "1.x.0", "1.0.", "-1.0.0", " 1.0.0"}) {
    Spec spec = good_spec();
    spec.oci_version = version;
    Result<> verdict = validate(spec);
    REQUIRE(!verdict);
    CHECK(verdict.error().text ==
          "/ociVersion: \"" + std::string(version) + "\" is not a version like \"1.3.0\"");
  }
  Spec spec = good_spec();
  spec.oci_version = "2.0.0";
  CHECK(validate(spec).error().kind == Kind::kUnsupported);
  spec.oci_version = "0.6.0";
  CHECK(validate(spec).error().kind == Kind::kUnsupported);
}

TEST_CASE("validate: top of the document") {
  check_all({
      {[](Spec& s) { s.root.path.clear(); }, "/root/path: missing"},
      {[](Spec& s) { s.process.reset(); }, "/process: missing"},
      {[](Spec& s) {
         s.linux.namespaces.clear();
         s.hostname = "h";
       },
       "/hostname: cannot be set without a namespace of type \"uts\""},
      {[](Spec& s) {
         s.linux.namespaces.clear();
         s.domainname = "d";
       },
       "/domainname: cannot be set without a namespace of type \"uts\""},
      {[](Spec& s) { s.hostname = std::string(65, 'h'); },
       "/hostname: \"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh\" is longer than 64 "
       "bytes"},
      {[](Spec& s) { s.hooks.poststop = {{"/ok", {}, {}, {}}, {"bin/x", {}, {}, {}}}; },
       "/hooks/poststop/1/path: \"bin/x\" is not an absolute path"},
      {[](Spec& s) { s.hooks.create_runtime = {{"/ok", {}, {}, 0}}; },
       "/hooks/createRuntime/0/timeout: 0 is not greater than 0"},
  });
}

TEST_CASE("validate: mounts") {
  check_all({
      {[](Spec& s) {
         s.mounts = {{.destination = "",
                      .type = "tmpfs",
                      .source = "",
                      .options = {},
                      .uid_mappings = {},
                      .gid_mappings = {}}};
       },
       "/mounts/0/destination: missing"},
      {[](Spec& s) {
         s.mounts.resize(2);
         s.mounts[0].destination = s.mounts[1].destination = "/a";
         s.mounts[1].options = {"rbind"};
       },
       "/mounts/1/source: missing, a bind mount needs one"},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "none", "/b", {"bind", "ro", "size=1m"}, {}, {}};
       },
       "/mounts/0/options: \"size\" is no option of a bind mount"},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "proc", "proc", {"tmpcopyup"}, {}, {}};
       },
       "/mounts/0/options: \"tmpcopyup\" is for mounts of type \"tmpfs\""},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "tmpfs", "t", {"idmap"}, {}, {}};
       },
       "/mounts/0: only bind mounts can be ID-mapped"},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "", "/b", {"bind"}, {{0, 1, 1}}, {}};
       },
       "/mounts/0: uidMappings and gidMappings must be given together"},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "", "/b", {"bind", "ridmap"}, {}, {}};
       },
       "/mounts/0: an ID-mapped mount needs uidMappings and gidMappings, its own or a user namespace's"},
      {[](Spec& s) {
         s.mounts.resize(1);
         s.mounts[0] = {"/a", "", "/b", {"bind"}, {{0, 1, 1}}, {{0, 1, 0}}};
       },
       "/mounts/0/gidMappings/0/size: is 0"},
  });
}

TEST_CASE("validate: namespaces, mappings and clocks") {
  check_all({
      {[](Spec& s) { s.linux.namespaces.push_back({"pid", ""}); },
       "/linux/namespaces/5: the type \"pid\" is there twice"},
      {[](Spec& s) { s.linux.namespaces[1].path = "run/ns"; },
       "/linux/namespaces/1/path: \"run/ns\" is not an absolute path"},
      {[](Spec& s) { s.linux.namespaces[1].type = "net"; },
       "/linux/namespaces/1/type: \"net\" is not one of user, cgroup, ipc, uts, network, pid, mount or time"},
      {[](Spec& s) { s.linux.uid_mappings = {{0, 1000, 1}}; },
       "/linux/uidMappings: cannot be set without a namespace of type \"user\""},
      {[](Spec& s) {
         s.linux.namespaces.push_back({"user", ""});
         s.linux.uid_mappings = {{0, 1000, 1}};
       },
       "/linux/gidMappings: missing, a new user namespace needs it"},
      {[](Spec& s) {
         s.linux.namespaces.push_back({"user", ""});
         s.linux.uid_mappings = {{0, 1000, 10}, {10, 2000, 1}, {5, 3000, 1}};
       },
       "/linux/uidMappings/2: the range overlaps entry 0"},
      {[](Spec& s) {
         s.linux.namespaces.push_back({"user", ""});
         s.linux.uid_mappings = {{0, 4294967295u, 2}};
       },
       "/linux/uidMappings/0: the range ends beyond 4294967295"},
      {[](Spec& s) { s.linux.monotonic_offset = TimeOffset{1, 0}; },
       "/linux/timeOffsets: cannot be set without a new namespace of type \"time\""},
      {[](Spec& s) {
         s.linux.namespaces.push_back({"time", ""});
         s.linux.boottime_offset = TimeOffset{1, 1'000'000'000};
       },
       "/linux/timeOffsets/boottime/nanosecs: greater than 999999999"},
  });
}

TEST_CASE("validate: network devices") {
  check_all({
      {[](Spec& s) {
         s.linux.namespaces.clear();
         s.linux.net_devices = {{"eth0", ""}};
       },
       "/linux/netDevices: cannot be set without a namespace of type \"network\""},
      {[](Spec& s) { s.linux.net_devices = {{"a/b", ""}}; },
       "/linux/netDevices: \"a/b\" is no network device's name"},
      {[](Spec& s) { s.linux.net_devices = {{"sixteen-letters-", ""}}; },
       "/linux/netDevices: \"sixteen-letters-\" is no network device's name"},
      {[](Spec& s) { s.linux.net_devices = {{"eth0", "a b"}}; },
       "/linux/netDevices/eth0/name: \"a b\" is no network device's name"},
      {[](Spec& s) { s.linux.net_devices = {{"eth0", "net%s"}}; },
       "/linux/netDevices/eth0/name: \"net%s\" is no network device's name"},
      {[](Spec& s) { s.linux.net_devices = {{"eth0", "net%d%d"}}; },
       "/linux/netDevices/eth0/name: \"net%d%d\" is no network device's name"},
      {[](Spec& s) { s.linux.net_devices = {{"eth0", "net0"}, {"eth1", "net0"}}; },
       "/linux/netDevices/eth1: it would be called \"net0\" in the container, as \"eth0\" is"},
      {[](Spec& s) { s.linux.net_devices = {{"eth0", "eth1"}, {"eth1", ""}}; },
       "/linux/netDevices/eth1: it would be called \"eth1\" in the container, as \"eth0\" is"},
  });
  Spec spec = good_spec();
  spec.linux.net_devices = {{"eth0", "eth%d"}, {"eth1", "eth%d"}, {"eth2", "eth0"}};
  CHECK(validate(spec));
}

TEST_CASE("validate: devices, paths and sysctls") {
  check_all({
      {[](Spec& s) { s.linux.devices = {{"c", "dev/x", 1, 3, {}, {}, {}}}; },
       "/linux/devices/0/path: \"dev/x\" is not an absolute path"},
      {[](Spec& s) { s.linux.devices = {{"c", "/dev/x", 4096, 3, {}, {}, {}}}; },
       "/linux/devices/0: 4096:3 is no device number"},
      {[](Spec& s) { s.linux.cgroups_path = "/a/../../b"; },
       "/linux/cgroupsPath: \"/a/../../b\" has a \"..\""},
      {[](Spec& s) { s.linux.masked_paths = {"/proc/kcore", "sys"}; },
       "/linux/maskedPaths/1: \"sys\" is not an absolute path"},
      {[](Spec& s) {
         s.linux.namespaces.clear();
         s.linux.readonly_paths = {"/proc/sys"};
       },
       "/linux/readonlyPaths: cannot be set without a namespace of type \"mount\""},
      {[](Spec& s) { s.linux.sysctl = {{"vm.swappiness", "1"}}; },
       "/linux/sysctl: \"vm.swappiness\" belongs to the whole host and cannot be set"},
      {[](Spec& s) { s.linux.sysctl = {{"kernel/hostname", "x"}}; },
       "/linux/sysctl: \"kernel/hostname\": the property hostname sets it"},
      {[](Spec& s) { s.linux.sysctl = {{"net/../kernel/core_pattern", "x"}}; },
       "/linux/sysctl: \"net/../kernel/core_pattern\" is no sysctl's name"},
      {[](Spec& s) {
         s.linux.namespaces.clear();
         s.linux.sysctl = {{"net.ipv4.ip_forward", "1"}};
       },
       "/linux/sysctl: \"net.ipv4.ip_forward\" cannot be set without a namespace of type \"network\""},
      {[](Spec& s) {
         s.linux.namespaces = {{"network", ""}};
         s.linux.sysctl = {{"fs.mqueue.msg_max", "1"}};
       },
       "/linux/sysctl: \"fs.mqueue.msg_max\" cannot be set without a namespace of type \"ipc\""},
  });
  Spec spec = good_spec();
  spec.linux.sysctl = {{"net/ipv4/conf/eno2.100/rp_filter", "1"},
                       {"kernel.shm_rmid_forced", "1"},
                       {"kernel.domainname", "x"},
                       {"net.core.somaxconn", "1"}};
  CHECK(validate(spec));
}

TEST_CASE("validate: seccomp, personality and memory policy") {
  check_all({
      {[](Spec& s) {
         s.linux.seccomp = Seccomp{};
         s.linux.seccomp->default_action = "SCMP_ACT_ALLOW";
         s.linux.seccomp->default_errno_ret = 1;
       },
       "/linux/seccomp/defaultErrnoRet: has no meaning for SCMP_ACT_ALLOW, only for SCMP_ACT_ERRNO and "
       "SCMP_ACT_TRACE"},
      {[](Spec& s) {
         s.linux.seccomp = Seccomp{};
         s.linux.seccomp->syscalls = {{{"read"}, "SCMP_ACT_ERRNO", 4096, {}}};
       },
       "/linux/seccomp/syscalls/0/errnoRet: 4096 is greater than 4095"},
      {[](Spec& s) {
         s.linux.seccomp = Seccomp{};
         s.linux.seccomp->syscalls = {{{}, "SCMP_ACT_ERRNO", {}, {}}};
       },
       "/linux/seccomp/syscalls/0/names: empty"},
      {[](Spec& s) {
         s.linux.seccomp = Seccomp{};
         s.linux.seccomp->syscalls = {{{"read"}, "SCMP_ACT_ERRNO", {}, {{6, 0, 0, "SCMP_CMP_EQ"}}}};
       },
       "/linux/seccomp/syscalls/0/args/0/index: 6: system calls have six arguments, 0 to 5"},
      {[](Spec& s) { s.linux.personality = Personality{"LINUX", {"ADDR_NO_RANDOMIZE"}}; },
       "/linux/personality/flags: the specification defines no flag"},
      {[](Spec& s) { s.linux.memory_policy = MemoryPolicy{"MPOL_BIND", "", {}}; },
       "/linux/memoryPolicy/nodes: missing, MPOL_BIND needs it"},
      {[](Spec& s) { s.linux.memory_policy = MemoryPolicy{"MPOL_LOCAL", "0", {}}; },
       "/linux/memoryPolicy/nodes: has no meaning for MPOL_LOCAL"},
      {[](Spec& s) { s.linux.memory_policy = MemoryPolicy{"MPOL_BIND", "0,x", {}}; },
       "/linux/memoryPolicy/nodes: \"0,x\" is not a list like \"0-3,8\" of numbers up to 8191"},
  });
}

TEST_CASE("validate: resources") {
  check_all({
      {[](Spec& s) { s.linux.resources.devices = {{true, "x", {}, {}, ""}}; },
       "/linux/resources/devices/0/type: \"x\" is not one of a, b or c"},
      {[](Spec& s) { s.linux.resources.devices = {{true, "c", {}, {}, "rx"}}; },
       "/linux/resources/devices/0/access: \"rx\" has other letters than r, w and m"},
      {[](Spec& s) { s.linux.resources.hugepage_limits = {{"2MB", 1}, {"02MB", 1}}; },
       "/linux/resources/hugepageLimits/1/pageSize: \"02MB\" is not a size like \"2MB\""},
      {[](Spec& s) { s.linux.resources.unified = {{"../memory.max", "1"}}; },
       "/linux/resources/unified: \"../memory.max\" is no name of a cgroup file"},
      {[](Spec& s) { s.linux.resources.unified = {{"..", "1"}}; },
       "/linux/resources/unified: \"..\" is no name of a cgroup file"},
  });
}

TEST_CASE("validate: warnings name what is accepted and does nothing") {
  Spec spec = good_spec();
  CHECK(spec_warnings(spec).empty());
  spec.mounts.resize(1);
  spec.mounts[0].destination = "data";
  spec.process->user.username = "me";
  spec.process->capabilities = Capabilities{{"CAP_KILL", "CAP_NEW"}, {"CAP_NEW"}, {}, {}, {}};
  CHECK(spec_warnings(spec) ==
        std::vector<std::string>{"/mounts/0/destination: \"data\" is not absolute, it is taken below \"/\"",
                                 "/process/user/username: ignored, on Linux the user is uid and gid",
                                 "/process/capabilities: \"CAP_NEW\" is unknown and ignored"});
}
