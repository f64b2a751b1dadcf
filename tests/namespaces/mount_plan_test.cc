#include "namespaces/mounts/mount_plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/step_text.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

// A bundle in a temporary directory: rootfs/{proc,tmp,data}, and a source directory, a file and a link beside it.
class Bundle {
 public:
  Bundle() {
    char name[] = "/tmp/shoji-mounts-XXXXXX";
    path_ = mkdtemp(name);
    for (const char* dir : {"rootfs", "rootfs/proc", "rootfs/tmp", "rootfs/data", "source"})
      mkdir((path_ + "/" + dir).c_str(), 0755);
    chmod((path_ + "/rootfs/tmp").c_str(), 01777);
    close(open((path_ + "/file").c_str(), O_CREAT | O_WRONLY, 0644));
    REQUIRE(symlink("file", (path_ + "/link").c_str()) == 0);
    facts.bundle = path_;
    facts.rootfs = path_ + "/rootfs";
  }
  ~Bundle() { ignore(remove_tree(path_), "a temporary directory"); }

  Spec spec;
  MountFacts facts;
  MountPlan plan;

  Mount& add(std::string destination, std::string type, std::string source,
             std::vector<std::string> options) {
    spec.mounts.push_back(
        {std::move(destination), std::move(type), std::move(source), std::move(options), {}, {}});
    return spec.mounts.back();
  }

  // The steps as lines, with the bundle's directory written as B.
  std::string steps() {
    StepList list;
    plan = {};
    auto planned = plan_mounts(spec, facts, list, plan);
    if (!planned) return shorten(planned.error().text);
    plan_late_read_only(plan, list);
    std::string out;
    for (uint32_t i = 0; i < list.steps().size(); ++i) out += step_dump(list, i) + "\n";
    return shorten(out);
  }

 private:
  [[nodiscard]] std::string shorten(std::string text) const {
    for (size_t at = text.find(path_); at != std::string::npos; at = text.find(path_))
      text.replace(at, path_.size(), "B");
    return text;
  }
  std::string path_;
};

}  // namespace

TEST_CASE("the mounts of the default configuration") {
  Bundle b;
  b.add("/proc", "proc", "proc", {});
  b.add("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"});
  b.add("/dev/pts", "devpts", "devpts",
        {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"});
  b.add("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"});
  CHECK(b.steps() ==
        "new_mount a=0 s0=\"proc\" s1=\"proc\"\n"
        "attach a=0 flags=0x6 s0=\"/proc\"\n"
        "new_mount a=1 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"mode\",\"755\",\"size\",\"65536k\" u0=0x22\n"
        "attach a=1 s0=\"/dev\"\n"
        "new_mount a=2 s0=\"devpts\" s1=\"devpts\" "
        "v0=\"newinstance\",\"\",\"ptmxmode\",\"0666\",\"mode\",\"0620\",\"gid\",\"5\" u0=0xa\n"
        "attach a=2 s0=\"/dev/pts\"\n"
        "new_mount a=3 s0=\"sysfs\" s1=\"sysfs\" v0=\"ro\",\"\" u0=0xf\n"
        "attach a=3 flags=0x2 s0=\"/sys\"\n");
}

TEST_CASE("bind mounts open the host's tree and change the clone") {
  Bundle b;
  b.add("/data", "bind", "source", {"rbind", "rprivate", "ro"});
  b.add("/etc/file", "none", b.facts.bundle + "/file", {"bind", "rro", "nosuid"});
  CHECK(b.steps() ==
        "open_tree a=0 flags=0x8001 s0=\"B/source\"\n"
        "mount_attr a=0 u0=0x1\n"
        "mount_attr a=0 flags=0x8000 u2=0x40000\n"
        "attach a=0 s0=\"/data\" s1=\"B/source\"\n"
        "open_tree a=1 flags=0x1 s0=\"B/file\"\n"
        "mount_attr a=1 u0=0x2\n"
        "mount_attr a=1 flags=0x8000 u0=0x1\n"
        "attach a=1 flags=0x1 s0=\"/etc/file\" s1=\"B/file\"\n");
  CHECK(b.plan.parent.empty());
}

TEST_CASE("a bind mount that cannot be is a sentence") {
  Bundle b;
  b.add("/data", "bind", "absent", {"bind"});
  CHECK(b.steps() == "mount \"absent\" on \"/data\": No such file or directory");
  b.spec.mounts[0].source = "source";
  b.spec.mounts[0].options = {"bind", "size=1k"};
  CHECK(b.steps() ==
        "mount \"source\" on \"/data\": a bind mount takes no filesystem options, but has \"size\"");
}

TEST_CASE("links as sources and destinations of bind mounts") {
  Bundle b;
  b.add("/a", "bind", "link", {"bind", "copy-symlink"});
  b.add("/b", "bind", "link", {"bind", "src-nofollow", "dest-nofollow"});
  CHECK(b.steps() ==
        "symlink s0=\"file\" s1=\"/a\"\n"
        "open_tree a=0 flags=0x101 s0=\"B/link\"\n"
        "attach a=0 flags=0x3 s0=\"/b\" s1=\"B/link\"\n");
}

TEST_CASE("a tmpfs takes the mode of the directory it covers") {
  Bundle b;
  b.add("/tmp", "tmpfs", "tmpfs", {});
  b.add("/absent", "tmpfs", "tmpfs", {});
  b.add("/tmp/inside", "tmpfs", "tmpfs", {});
  b.add("/mnt", "bind", "rootfs", {"bind"});
  b.add("/mnt/tmp", "tmpfs", "tmpfs", {});
  std::string steps = b.steps();
  CHECK(steps.starts_with("new_mount a=0 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"mode\",\"1777\"\n"));
  CHECK(steps.find("new_mount a=1 s0=\"tmpfs\" s1=\"tmpfs\"\n") != std::string::npos);
  CHECK(steps.find("new_mount a=2 s0=\"tmpfs\" s1=\"tmpfs\"\n") != std::string::npos);
  CHECK(steps.find("new_mount a=4 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"mode\",\"1777\"\n") != std::string::npos);
}

TEST_CASE("read-only waits for what is made inside tmpfs and /dev") {
  Bundle b;
  b.add("/dev", "tmpfs", "tmpfs", {"ro", "mode=755"});
  b.add("/dev/shm", "bind", "source", {"bind", "ro"});
  CHECK(b.steps() ==
        "new_mount a=0 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"mode\",\"755\"\n"
        "attach a=0 s0=\"/dev\"\n"
        "open_tree a=1 flags=0x1 s0=\"B/source\"\n"
        "mount_attr a=1 u0=0x1\n"
        "attach a=1 s0=\"/dev/shm\" s1=\"B/source\"\n"
        "path_attr s0=\"/dev\" u0=0x1\n");
}

TEST_CASE("in a user namespace the parent opens trees, and refused filesystems have substitutes") {
  Bundle b;
  b.facts.user_namespace = true;
  b.facts.new_network_namespace = false;
  b.facts.maps = {{{0, 100000, 1000}}, {{0, 100000, 5}}};
  b.add("/data", "bind", "source", {"rbind", "ro"});
  b.add("/sys", "sysfs", "sysfs", {"nosuid", "ro"});
  b.add("/dev/pts", "devpts", "devpts", {"gid=5"});
  CHECK(b.steps() ==
        "attach a=0 s0=\"/data\" s1=\"B/source\"\n"
        "new_mount a=1 s0=\"sysfs\" s1=\"sysfs\" v0=\"ro\",\"\" u0=0x3 next-if-refused\n"
        "open_tree a=1 flags=0x8001 s0=\"/sys\"\n"
        "mount_attr a=1 flags=0x8000 u0=0x3\n"
        "attach a=1 flags=0x2 s0=\"/sys\"\n"
        "new_mount a=2 s0=\"devpts\" s1=\"devpts\"\n"
        "attach a=2 s0=\"/dev/pts\"\n");
  REQUIRE(b.plan.parent.size() == 1);
  const ParentMount& tree = b.plan.parent[0];
  CHECK(tree.slot == 0);
  CHECK(tree.recursive);
  REQUIRE(tree.changes.size() == 2);
  CHECK(tree.changes[0].recursive);  // slave first, so that nothing travels to the host
  CHECK(tree.changes[1].set == 1);
}

TEST_CASE("idmapped mounts are made by the parent, with their own maps or the container's") {
  Bundle b;
  b.add("/a", "bind", "source", {"bind", "idmap"});
  CHECK(b.steps().find("needs uidMappings and gidMappings") != std::string::npos);
  b.spec.linux.uid_mappings = b.spec.linux.gid_mappings = {{0, 7000, 10}};
  Mount& own = b.add("/b", "bind", "source", {"bind", "ridmap"});
  own.uid_mappings = own.gid_mappings = {{0, 8000, 10}};
  CHECK(b.steps() ==
        "attach a=0 s0=\"/a\" s1=\"B/source\"\n"
        "attach a=1 s0=\"/b\" s1=\"B/source\"\n");
  REQUIRE(b.plan.parent.size() == 2);
  CHECK(b.plan.parent[0].idmap->uid[0].host_id == 7000);
  CHECK_FALSE(b.plan.parent[0].recursive_idmap);
  CHECK(b.plan.parent[1].idmap->uid[0].host_id == 8000);
  CHECK(b.plan.parent[1].recursive_idmap);
}

TEST_CASE("tmpcopyup is made by the parent when there is something to copy") {
  Bundle b;
  b.add("/data", "tmpfs", "tmpfs", {"tmpcopyup", "size=1m"});
  b.add("/absent", "tmpfs", "tmpfs", {"tmpcopyup"});
  CHECK(b.steps() ==
        "attach a=0 s0=\"/data\" s1=\"tmpfs\"\n"
        "new_mount a=1 s0=\"tmpfs\" s1=\"tmpfs\"\n"
        "attach a=1 s0=\"/absent\"\n");
  REQUIRE(b.plan.parent.size() == 1);
  CHECK(b.plan.parent[0].kind == ParentMount::Kind::kCopyUp);
  CHECK(b.plan.parent[0].source == "/data");
}

TEST_CASE("remount changes what is mounted") {
  Bundle b;
  b.add("/data", "none", "", {"remount", "bind", "ro", "rslave"});
  CHECK(b.steps() == "path_attr s0=\"/data\" u0=0x1\npath_attr flags=0x8000 s0=\"/data\" u2=0x80000\n");
}

TEST_CASE("options that are too long for fsconfig go through mount(2)") {
  Bundle b;
  std::string layers = "lowerdir=" + std::string(300, 'x');
  b.add("/merged", "overlay", "overlay", {"nosuid", "ro", "index=off", layers, "rslave"});
  CHECK(b.steps() == "mount2 s0=\"/merged\" s1=\"overlay\" v0=\"overlay\",\"index=off," + layers +
                         "\" u0=0x3\npath_attr flags=0x8000 s0=\"/merged\" u2=0x80000\n");
  b.spec.mounts[0].options = {"lowerdir=" + std::string(5000, 'x')};
  CHECK(b.steps() == "mount \"overlay\" on \"/merged\": the options are longer than 4095 bytes");
}

TEST_CASE("what may be mounted over /proc") {
  Bundle b;
  b.add("/proc/meminfo", "bind", "file", {"bind"});
  CHECK(b.steps() ==
        "open_tree a=0 flags=0x1 s0=\"B/file\"\nattach a=0 flags=0x5 s0=\"/proc/meminfo\" s1=\"B/file\"\n");
  b.spec.mounts[0].destination = "/tmp/../proc/sys/kernel/core_pattern";
  CHECK(b.steps().ends_with("the destination is inside \"/proc\""));
  b.spec.mounts[0].destination = "/proc/";
  CHECK(b.steps().ends_with("only a proc filesystem can be mounted on \"/proc\""));
  b.spec.mounts[0] = {"/proc", "tmpfs", "tmpfs", {}, {}, {}};
  CHECK(b.steps().ends_with("only a proc filesystem can be mounted on \"/proc\""));
  b.spec.mounts[0] = {"/proc", "bind", "/proc", {"rbind"}, {}, {}};
  CHECK(b.steps().starts_with("open_tree"));
}

TEST_CASE("cgroup mounts on a v2 host") {
  Bundle b;
  b.facts.cgroups = {{"", "/sys/fs/cgroup", "/sys/fs/cgroup/box"}};
  b.add("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "ro"});
  CHECK(b.steps() ==
        "open_tree a=0 flags=0x1 s0=\"/sys/fs/cgroup/box\"\n"
        "mount_attr a=0 u0=0x3\n"
        "attach a=0 s0=\"/sys/fs/cgroup\" s1=\"/sys/fs/cgroup/box\"\n");
  b.facts.new_cgroup_namespace = true;
  CHECK(b.steps() ==
        "new_mount a=0 s0=\"cgroup2\" s1=\"cgroup\" u0=0x3\n"
        "attach a=0 s0=\"/sys/fs/cgroup\"\n");
  b.facts.user_namespace = true;
  CHECK(b.steps() ==
        "new_mount a=0 s0=\"cgroup2\" s1=\"cgroup\" u0=0x3 next-if-refused\n"
        "open_tree a=0 flags=0x1 s0=\"/sys/fs/cgroup/box\"\n"
        "mount_attr a=0 u0=0x3\n"
        "attach a=0 s0=\"/sys/fs/cgroup\"\n");
}

TEST_CASE("cgroup mounts on a hybrid host") {
  Bundle b;
  b.facts.cgroups = {{"", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/box"},
                     {"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/box"},
                     {"name=systemd", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/systemd/box"}};
  b.facts.new_cgroup_namespace = true;
  b.add("/sys/fs/cgroup", "cgroup", "cgroup", {"ro"});
  CHECK(b.steps() ==
        "new_mount a=0 s0=\"tmpfs\" s1=\"tmpfs\" v0=\"mode\",\"755\" u0=0xe\n"
        "attach a=0 s0=\"/sys/fs/cgroup\"\n"
        "new_mount a=1 s0=\"cgroup2\" s1=\"cgroup\" u0=0xf\n"
        "attach a=1 s0=\"/sys/fs/cgroup/unified\"\n"
        "new_mount a=2 s0=\"cgroup\" s1=\"cgroup\" v0=\"cpu\",\"\",\"cpuacct\",\"\" u0=0xf\n"
        "attach a=2 s0=\"/sys/fs/cgroup/cpu,cpuacct\"\n"
        "symlink s0=\"cpu,cpuacct\" s1=\"/sys/fs/cgroup/cpu\"\n"
        "symlink s0=\"cpu,cpuacct\" s1=\"/sys/fs/cgroup/cpuacct\"\n"
        "new_mount a=3 s0=\"cgroup\" s1=\"systemd\" v0=\"name\",\"systemd\" u0=0xf\n"
        "attach a=3 s0=\"/sys/fs/cgroup/systemd\"\n"
        "path_attr s0=\"/sys/fs/cgroup\" u0=0x1\n");
}

TEST_CASE("mounts without a mount namespace of one's own are refused") {
  Bundle b;
  b.facts.new_mount_namespace = false;
  b.add("/proc", "proc", "proc", {});
  CHECK(b.steps() ==
        "mount \"proc\" on \"/proc\": mounts need a new mount namespace, else they would appear on the host");
}

TEST_CASE("SELinux labels reach filesystems that take them") {
  Bundle b;
  b.facts.selinux = true;
  b.spec.linux.mount_label = "system_u:object_r:x_t:s0:c1,c2";
  b.add("/dev/pts", "devpts", "devpts", {});
  b.add("/proc", "proc", "proc", {});
  std::string steps = b.steps();
  CHECK(steps.starts_with(
      "new_mount a=0 s0=\"devpts\" s1=\"devpts\" v0=\"context\",\"system_u:object_r:x_t:s0:c1,c2\"\n"));
  CHECK(steps.find("new_mount a=1 s0=\"proc\" s1=\"proc\"\n") != std::string::npos);
}
