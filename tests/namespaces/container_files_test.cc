// Plans of the root, devices, hidden paths, sysctl, labels.
#include <sched.h>
#include <sys/mount.h>

#include "base/step_text.h"
#include "namespaces/lsm.h"
#include "namespaces/mounts/devices.h"
#include "namespaces/mounts/masked.h"
#include "namespaces/mounts/rootfs.h"
#include "namespaces/sysctl.h"
#include "tests/catch.h"

using namespace shoji;

namespace {
std::string lines(const StepList& list) {
  std::string out;
  for (uint32_t i = 0; i < list.steps().size(); ++i) out += step_dump(list, i) + "\n";
  return out;
}

MountFacts facts_for_tmp() {
  MountFacts facts;
  facts.bundle = facts.rootfs = "/tmp";
  return facts;
}

std::string root_steps(const Spec& spec, const MountFacts& facts, bool no_pivot = false) {
  StepList list;
  MountPlan plan;
  if (auto planned = plan_root(spec, facts, list, plan); !planned) return planned.error().text;
  if (auto planned = plan_read_only_root(spec, facts, list); !planned) return planned.error().text;
  plan_enter_root(spec, facts, no_pivot, list);
  return lines(list);
}
}  // namespace

TEST_CASE("the root of a container: slave tree, clone, attach, pivot") {
  Spec spec;
  MountFacts facts = facts_for_tmp();
  CHECK(root_steps(spec, facts) ==
        "propagation flags=0x84000 s0=\"/\"\n"
        "open_tree a=0 flags=0x8001 s0=\"/tmp\"\n"
        "attach_host a=0 s0=\"/tmp\" s1=\"/tmp\"\n"
        "open_root a=0\n"
        "pivot_root\n");
  spec.root.readonly = true;
  CHECK(root_steps(spec, facts, true).ends_with("open_root a=0\npath_attr s0=\"/\" u0=0x1\nmove_root\n"));
}

TEST_CASE("a shared root is private to the container while it is built") {
  Spec spec;
  spec.linux.rootfs_propagation = "rshared";
  MountFacts facts = facts_for_tmp();
  facts.bundle = facts.rootfs = "/";
  CHECK(root_steps(spec, facts) ==
        "propagation flags=0x104000 s0=\"/\"\n"
        "propagation flags=0x40000 s0=\"/\"\n"
        "open_tree a=0 flags=0x8001 s0=\"/\"\n"
        "mount_attr a=0 flags=0x8000 u2=0x80000\n"
        "attach_host a=0 s0=\"/\" s1=\"/\"\n"
        "open_root a=0\n"
        "pivot_root\n"
        "propagation flags=0x104000 s0=\"/\"\n");
  spec.linux.rootfs_propagation = "unbindable";
  std::string steps = root_steps(spec, facts);
  CHECK(steps.starts_with("propagation flags=0x40000 s0=\"/\"\n"));  // an unbindable tree could not be cloned
  CHECK(steps.ends_with("propagation flags=0x20000 s0=\"/\"\n"));
}

TEST_CASE("the root in a user namespace has a second place to be attached") {
  MountFacts facts = facts_for_tmp();
  facts.user_namespace = true;
  CHECK(root_steps({}, facts) ==
        "propagation flags=0x84000 s0=\"/\"\n"
        "attach_host a=0 s0=\"/tmp\" s1=\"/tmp\" next-if-refused\n"
        "attach_host a=0 s0=\"/\" s1=\"/tmp\"\n"
        "open_root a=0\n"
        "pivot_root\n");
}

TEST_CASE("the host's mount namespace: chroot, and nothing that would change the host's mounts") {
  Spec spec;
  MountFacts facts = facts_for_tmp();
  facts.new_mount_namespace = false;
  CHECK(root_steps(spec, facts) == "open_tree a=0 s0=\"/tmp\"\nopen_root a=0\nchroot\n");
  spec.root.readonly = true;
  CHECK(root_steps(spec, facts) == "root.readonly needs a new mount namespace");
  spec.linux.masked_paths = {"/proc/kcore"};
  StepList list;
  CHECK_FALSE(plan_hidden_paths(spec, facts, list));
}

TEST_CASE("default devices and links") {
  std::vector<std::string> warnings;
  StepList list;
  REQUIRE(plan_devices({}, facts_for_tmp(), list, warnings));
  std::string steps = lines(list);
  CHECK(steps.starts_with("mknod s0=\"/dev/null\" u0=0x21b6 u1=0x103\n"));
  CHECK(steps.find("mknod s0=\"/dev/tty\" u0=0x21b6 u1=0x500\n") != std::string::npos);
  CHECK(steps.find("symlink s0=\"/proc/self/fd/2\" s1=\"/dev/stderr\"\n") != std::string::npos);
  CHECK(steps.ends_with("symlink flags=0x1 s0=\"pts/ptmx\" s1=\"/dev/ptmx\"\n"));
}

TEST_CASE("configured devices replace defaults, and a bound /dev has none") {
  std::vector<std::string> warnings;
  Spec spec;
  spec.linux.devices = {{"c", "/dev/./null", 1, 3, 0600, 7, 8},
                        {"b", "/dev/disk", 7, 300, {}, {}, {}},
                        {"p", "/run/fifo", 0, 0, 0640, {}, {}},
                        {"c", "/dev/ptmx", 5, 2, {}, {}, {}}};
  StepList list;
  REQUIRE(plan_devices(spec, facts_for_tmp(), list, warnings));
  std::string steps = lines(list);
  CHECK(
      steps.starts_with("mknod s0=\"/dev/null\" u0=0x2180 u1=0x103 u2=0x700000008\n"
                        "mknod s0=\"/dev/disk\" u0=0x61b6 u1=0x10072c\n"
                        "mknod s0=\"/run/fifo\" u0=0x11a0\n"
                        "mknod s0=\"/dev/zero\""));
  CHECK(steps.find("/dev/null", steps.find("/dev/zero")) == std::string::npos);
  CHECK(steps.find("mknod s0=\"/dev/ptmx\"") == std::string::npos);
  spec.mounts.push_back({"/dev/", "bind", "/dev", {"rbind"}, {}, {}});
  StepList none;
  REQUIRE(plan_devices(spec, facts_for_tmp(), none, warnings));
  CHECK(none.steps().empty());
}

TEST_CASE("devices are bound from the host where mknod is refused, but only the same ones") {
  std::vector<std::string> warnings;
  Spec spec;
  MountFacts facts = facts_for_tmp();
  facts.user_namespace = true;
  StepList list;
  REQUIRE(plan_devices(spec, facts, list, warnings));
  CHECK(lines(list).starts_with(
      "open_tree a=0 flags=0x1 s0=\"/dev/null\"\nattach a=0 flags=0x1 s0=\"/dev/null\"\n"));
  CHECK(warnings.empty());
  spec.linux.devices = {{"c", "/dev/null", 1, 3, 0600, 7, 8}};
  REQUIRE(plan_devices(spec, facts, list, warnings));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("device \"/dev/null\" is the host's node"));
  spec.linux.devices = {{"c", "/dev/null", 1, 5, {}, {}, {}}};
  StepList wrong;
  auto planned = plan_devices(spec, facts, wrong, warnings);
  REQUIRE(!planned);
  CHECK(planned.error().text ==
        "create device \"/dev/null\": mknod is not permitted here, and the host's \"/dev/null\" is not "
        "device 1:5");
}

TEST_CASE("hidden paths: read-only ones first, one null device and one empty directory for all masks") {
  Spec spec;
  spec.linux.masked_paths = {"/proc/kcore", "/sys/firmware"};
  spec.linux.readonly_paths = {"/proc/sys"};
  StepList list;
  REQUIRE(plan_hidden_paths(spec, facts_for_tmp(), list));
  CHECK(lines(list) ==
        "readonly_path s0=\"/proc/sys\"\n"
        "open_tree a=0 s0=\"/dev/null\"\n"
        "new_mount a=1 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"ro\",\"\",\"nr_blocks\",\"1\",\"nr_inodes\",\"1\" "
        "u0=0xf\n"
        "mask a=0 b=1 s0=\"/proc/kcore\"\n"
        "mask a=0 b=1 s0=\"/sys/firmware\"\n");
}

TEST_CASE("sysctl keys in both spellings") {
  CHECK(sysctl_file("net.ipv4.ip_forward") == "net/ipv4/ip_forward");
  CHECK(sysctl_file("net/ipv4/conf/eth0.100/forwarding") == "net/ipv4/conf/eth0.100/forwarding");
  CHECK(sysctl_file("net.ipv4.conf.eth0/100.forwarding") == "net/ipv4/conf/eth0.100/forwarding");
}

TEST_CASE("sysctl of the container's own namespaces only") {
  Spec spec;
  spec.linux.namespaces = {{"network", ""}, {"uts", ""}};
  auto set = NamespaceSet::open(spec);
  REQUIRE(set);
  auto plan = [&](std::string key) {
    spec.linux.sysctl = {{std::move(key), "1"}};
    StepList list;
    auto planned = plan_sysctl(spec, *set, list);
    return planned ? lines(list) : planned.error().text;
  };
  CHECK(plan("net.ipv4.ip_forward") == "write_proc s0=\"sys/net/ipv4/ip_forward\" s1=\"1\"\n");
  CHECK(plan("kernel.shmmax") ==
        "sysctl \"kernel.shmmax\" would change the host: the container shares its ipc namespace");
  CHECK(plan("kernel.core_pattern") == "sysctl \"kernel.core_pattern\" belongs to no namespace");
  CHECK(plan("net/../kernel/core_pattern") == "sysctl \"net/../kernel/core_pattern\" is not a parameter");
  spec.hostname = "web";
  CHECK(plan("kernel.hostname") == "sysctl \"kernel.hostname\" conflicts with the property of that name");
  CHECK(plan("kernel.domainname").starts_with("write_proc"));
  spec.domainname = "nis";
  CHECK(plan("kernel.domainname") == "sysctl \"kernel.domainname\" conflicts with the property of that name");
  spec.domainname = "1";
  CHECK(plan("kernel.domainname").starts_with("write_proc"));
}

TEST_CASE("labels are applied or refused, never dropped") {
  Process process;
  process.apparmor_profile = "web";
  process.selinux_label = "a:b:c:d";
  StepList list;
  REQUIRE(plan_labels(process, {true, true}, list));
  CHECK(lines(list) ==
        "apparmor_exec s0=\"thread-self/attr/apparmor/exec\" s1=\"exec web\"\n"
        "selinux_exec s0=\"thread-self/attr/exec\" s1=\"a:b:c:d\"\n");
  CHECK(plan_labels(process, {false, true}, list).error().text ==
        "process.apparmorProfile is \"web\", but this host has no AppArmor");
  process.apparmor_profile = "unconfined";
  CHECK(plan_labels(process, {false, false}, list).error().text ==
        "process.selinuxLabel is \"a:b:c:d\", but this host has no SELinux");
  process.selinux_label.clear();
  CHECK(plan_labels(process, {false, false}, list));
}
