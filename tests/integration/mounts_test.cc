// mounts: types and options, seen from inside.
#include "tests/catch.h"
#include "tests/integration/cgroup_view.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

// The fields of mountinfo for a mount point: options, propagation (may be empty), type, source, super
// options.
struct Seen {
  std::string root, options, propagation, type, source, super;
};

Seen mount_at(const std::string& mountinfo, const std::string& point) {
  Seen seen;
  for (size_t at = 0; at < mountinfo.size();) {
    size_t end = std::min(mountinfo.find('\n', at), mountinfo.size());
    auto field = words(mountinfo.substr(at, end - at));
    at = end + 1;
    if (field.size() < 9 || field[4] != point) continue;
    seen = {field[3], field[5], "", "", "", ""};
    size_t i = 6;
    for (; field[i] != "-"; i++) seen.propagation += field[i];
    seen.type = field[i + 1];
    seen.source = field[i + 2];
    seen.super = field[i + 3];
  }
  return seen;
}

}  // namespace

TEST_CASE("a bind's source may be what an earlier mount brings", "[mounts]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  mkdir((box.scratch() + "/data/below").c_str(), 0755);
  write_text(box.scratch() + "/data/below/file", "found\n");
  box.bundle.mount("/first", "bind", box.scratch() + "/data", "bind")
      .mount("/second", "bind", "rootfs/first/below", "bind")
      .probe("cat /second/file");
  CHECK(box.outcome() == "found\n");
}

TEST_CASE("the default mounts are all there", "[mounts]") {
  Sandbox box;
  box.bundle.probe("cat /proc/self/mountinfo");
  std::string table = box.outcome();
  CHECK(mount_at(table, "/proc").type == "proc");
  CHECK(mount_at(table, "/dev").type == "tmpfs");
  CHECK(mount_at(table, "/dev").super == containing("size=65536k"));
  CHECK(mount_at(table, "/dev").super == containing("mode=755"));
  CHECK(mount_at(table, "/dev/pts").type == "devpts");
  CHECK(mount_at(table, "/dev/pts").super == containing("ptmxmode=666"));
  CHECK(mount_at(table, "/dev/pts").super == containing("mode=620"));
  CHECK(mount_at(table, "/dev/shm").type == "tmpfs");
  CHECK(mount_at(table, "/dev/shm").options == containing("nosuid,nodev,noexec"));
  CHECK(mount_at(table, "/dev/mqueue").type == "mqueue");
  CHECK(mount_at(table, "/sys").type == "sysfs");
  CHECK(mount_at(table, "/sys").options == containing("ro,nosuid,nodev,noexec"));
  CHECK(!mount_at(table, "/sys/fs/cgroup").type.empty());
}

TEST_CASE("nothing of the host's mounts can be seen", "[mounts]") {
  Sandbox box;
  box.bundle.probe("cat /proc/self/mountinfo");
  std::string table = box.outcome();
  CHECK(table != containing(box.scratch() + " "));
  for (const char* host : {" /boot", " /run ", " /home", " /usr"}) CHECK(table != containing(host));
}

TEST_CASE("a bind mount shows a directory of the host", "[mounts]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  write_text(box.scratch() + "/data/file", "from outside\n");
  box.bundle.mount("/data", "bind", box.scratch() + "/data", "bind")
      .probe("cat /data/file , write /data/new inside");
  CHECK(box.outcome() == "from outside\n");
  CHECK(read_text(box.scratch() + "/data/new") == "inside");
}

TEST_CASE("a mount with the bind option needs no type", "[mounts]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "text\n");
  box.bundle.mount("/file", "", box.scratch() + "/file", "rbind,ro").probe("cat /file");
  CHECK(box.outcome() == "text\n");
}

TEST_CASE("type none with the bind option is a bind mount", "[mounts]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "text\n");
  box.bundle.mount("/file", "none", box.scratch() + "/file", "bind").probe("cat /file");
  CHECK(box.outcome() == "text\n");
}

TEST_CASE("a bind source is relative to the bundle", "[mounts]") {
  Sandbox box;
  write_text(box.bundle.path() + "/beside", "the config\n");
  box.bundle.mount("/beside", "bind", "beside", "bind").probe("cat /beside");
  CHECK(box.outcome() == "the config\n");
}

TEST_CASE("a bind mount can be read-only, nosuid, nodev, noexec", "[mounts]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  box.bundle.mount("/data", "bind", box.scratch() + "/data", "rbind,ro,nosuid,nodev,noexec");
  box.bundle.probe("write /data/x y , cat /proc/self/mountinfo");
  Finished f = box.run();
  CHECK(f.out == containing("write /data/x: EROFS"));
  CHECK(mount_at(f.out, "/data").options == containing("ro,nosuid,nodev,noexec"));
  CHECK(access((box.scratch() + "/data/x").c_str(), F_OK) != 0);
}

TEST_CASE("a bind mount without options keeps the flags of its source", "[mounts]") {
  Sandbox box;
  mkdir((box.scratch() + "/source").c_str(), 0755);
  HostMount tmpfs("none", box.scratch() + "/source", "tmpfs", MS_NOEXEC | MS_NODEV | MS_NOSUID);
  REQUIRE(tmpfs.made());
  box.bundle.mount("/data", "bind", tmpfs.path(), "rbind").probe("cat /proc/self/mountinfo");
  CHECK(mount_at(box.outcome(), "/data").options == containing("nosuid,nodev,noexec"));
}

TEST_CASE("bind leaves submounts out, rbind takes them", "[mounts]") {
  for (bool recursive : {false, true}) {
    Sandbox box;
    mkdir((box.scratch() + "/source").c_str(), 0755);
    HostMount outer("none", box.scratch() + "/source", "tmpfs", 0);
    mkdir((outer.path() + "/sub").c_str(), 0755);
    HostMount inner("none", outer.path() + "/sub", "tmpfs", 0);
    REQUIRE(inner.made());
    write_text(inner.path() + "/deep", "");
    box.bundle.mount("/data", "bind", outer.path(), recursive ? "rbind" : "bind").probe("ls /data/sub");
    CHECK(box.outcome() == (recursive ? "/data/sub: deep\n" : "/data/sub:\n"));
  }
}

TEST_CASE("ro makes the mount itself read-only, rro every submount", "[mounts][beyond-runc]") {
  for (bool recursive : {false, true}) {
    Sandbox box;
    mkdir((box.scratch() + "/source").c_str(), 0755);
    HostMount outer("none", box.scratch() + "/source", "tmpfs", 0);
    mkdir((outer.path() + "/sub").c_str(), 0755);
    HostMount inner("none", outer.path() + "/sub", "tmpfs", 0);
    REQUIRE(inner.made());
    box.bundle.mount("/data", "bind", outer.path(), recursive ? "rbind,rro" : "rbind,ro");
    box.bundle.probe("write /data/x y , write /data/sub/x y");
    Finished f = box.run();
    CHECK(f.out == containing("write /data/x: EROFS"));
    CHECK((f.out == containing("write /data/sub/x: EROFS")) == recursive);
  }
}

TEST_CASE("rnosuid, rnodev, rnoexec, rnoatime reach submounts", "[mounts][beyond-runc]") {
  Sandbox box;
  mkdir((box.scratch() + "/source").c_str(), 0755);
  HostMount outer("none", box.scratch() + "/source", "tmpfs", 0);
  mkdir((outer.path() + "/sub").c_str(), 0755);
  HostMount inner("none", outer.path() + "/sub", "tmpfs", 0);
  REQUIRE(inner.made());
  box.bundle.mount("/data", "bind", outer.path(), "rbind,rnosuid,rnodev,rnoexec,rnoatime");
  box.bundle.probe("cat /proc/self/mountinfo");
  std::string options = mount_at(box.outcome(), "/data/sub").options;
  CHECK(options == containing("nosuid,nodev,noexec,noatime"));
}

TEST_CASE("access time options are what they say", "[mounts]") {
  struct {
    const char* option;
    const char* seen;
  } const cases[] = {{"noatime", "noatime"}, {"relatime", "relatime"}, {"nodiratime", "nodiratime"}};
  for (auto [option, seen] : cases) {
    Sandbox box;
    box.bundle.mount("/t", "tmpfs", "tmpfs", option).probe("cat /proc/self/mountinfo");
    CHECK(mount_at(box.outcome(), "/t").options == containing(seen));
  }
  Sandbox strict;
  strict.bundle.mount("/t", "tmpfs", "tmpfs", "strictatime").probe("cat /proc/self/mountinfo");
  CHECK(mount_at(strict.outcome(), "/t").options == "rw");
}

TEST_CASE("the last of contradicting options counts", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "ro,rw,noexec,exec,nosuid,suid").probe("cat /proc/self/mountinfo");
  CHECK(mount_at(box.outcome(), "/t").options == "rw,relatime");
}

TEST_CASE("sync, dirsync and mand-less options reach the file system", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "sync,dirsync").probe("cat /proc/self/mountinfo");
  CHECK(mount_at(box.outcome(), "/t").super == containing("sync,dirsync"));
}

TEST_CASE("tmpfs takes its size and mode from the options", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "tmpfs", "tmpfs", "size=1024k,mode=1700,nr_inodes=77");
  box.bundle.probe("vfs /t , stat /t , cat /proc/self/mountinfo");
  std::string seen = box.outcome();
  CHECK(line_of(seen, "/t: type=1021994") == containing("size=1024K"));
  CHECK(seen == containing("/t: dir 1700 0:0"));
  CHECK(mount_at(seen, "/t").super == containing("nr_inodes=77"));
}

TEST_CASE("tmpfs keeps the mode and owner of the directory it covers", "[mounts]") {
  Sandbox box;
  box.bundle.dir("t");
  chmod((box.bundle.rootfs() + "/t").c_str(), 0751);
  box.bundle.mount("/t", "tmpfs", "tmpfs", "nosuid").probe("stat /t");
  CHECK(box.outcome() == containing("/t: dir 0751"));
}

TEST_CASE("a mode option counts more than the directory that is covered", "[mounts][beyond-runc]") {
  Sandbox box;
  box.bundle.dir("t").mount("/t", "tmpfs", "tmpfs", "mode=700").probe("stat /t");
  CHECK(box.outcome() == containing("/t: dir 0700"));
}

TEST_CASE("tmpcopyup fills the tmpfs with what it covers", "[mounts]") {
  Sandbox box;
  box.bundle.file("t/one", "1\n", 0640).file("t/sub/two", "2\n").link("one", "t/link");
  box.bundle.mount("/t", "tmpfs", "tmpfs", "tmpcopyup")
      .probe(
          "ls /t , cat /t/one , cat /t/sub/two , cat /t/link , "
          "stat /t/one , write /t/new x , vfs /t");
  std::string seen = box.outcome();
  CHECK(seen == containing("/t: link one sub\n1\n2\n1\n/t/one: file 0640 0:0 2\n"));
  CHECK(seen == containing("type=1021994"));
  CHECK(!box.bundle.exists("t/new"));
}

TEST_CASE("tmpcopyup of a large tree and of the modes and owners in it", "[mounts]") {
  Sandbox box;
  for (int i = 0; i < 200; i++)
    box.bundle.file("t/d" + std::to_string(i % 10) + "/f" + std::to_string(i), "x");
  box.bundle.file("t/owned", "x", 04755);
  REQUIRE(chown((box.bundle.rootfs() + "/t/owned").c_str(), 12, 34) == 0);
  REQUIRE(chmod((box.bundle.rootfs() + "/t/owned").c_str(), 04755) == 0);
  box.bundle.mount("/t", "tmpfs", "tmpfs", "tmpcopyup,size=10m").probe("ls /t/d7 , stat /t/owned");
  std::string seen = box.outcome();
  CHECK(seen == containing("/t/d7: f107 f117 f127"));
  CHECK(seen == containing("/t/owned: file 4755 12:34"));
}

TEST_CASE("a read-only tmpfs with tmpcopyup is filled before it is sealed", "[mounts]") {
  Sandbox box;
  box.bundle.file("t/one", "1\n")
      .mount("/t", "tmpfs", "tmpfs", "ro,tmpcopyup")
      .probe("cat /t/one , write /t/x y");
  CHECK(box.run().out == "1\nwrite /t/x: EROFS\n");
}

TEST_CASE("a mount point that is missing is made", "[mounts]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "text\n");
  box.bundle.mount("/deep/in/the/root", "tmpfs", "tmpfs", "");
  box.bundle.mount("/other/deep/file", "bind", box.scratch() + "/file", "bind");
  box.bundle.probe("vfs /deep/in/the/root , cat /other/deep/file");
  std::string seen = box.outcome();
  CHECK(seen == containing("type=1021994"));
  CHECK(seen == containing("text\n"));
  CHECK(box.bundle.exists("deep/in/the/root"));
}

TEST_CASE("mounts are made in the order of the list", "[mounts]") {
  Sandbox box;
  write_text(box.scratch() + "/file", "upper\n");
  box.bundle.mount("/t", "tmpfs", "tmpfs", "").mount("/t/inner", "tmpfs", "tmpfs", "mode=700");
  box.bundle.mount("/t/file", "bind", box.scratch() + "/file", "bind").probe("stat /t/inner , cat /t/file");
  CHECK(box.outcome() == "/t/inner: dir 0700 0:0\nupper\n");
}

TEST_CASE("propagation options set the mount's own propagation", "[mounts]") {
  struct {
    const char* option;
    const char* seen;
  } const cases[] = {{"rbind,private", ""}, {"rbind,rshared", "shared:"}, {"rbind,unbindable", "unbindable"}};
  for (auto [option, seen] : cases) {
    Sandbox box;
    mkdir((box.scratch() + "/data").c_str(), 0755);
    box.bundle.mount("/data", "bind", box.scratch() + "/data", option).probe("cat /proc/self/mountinfo");
    Seen mount = mount_at(box.outcome(), "/data");
    INFO(option);
    CHECK(!mount.options.empty());
    CHECK(mount.propagation.starts_with(seen));
    if (std::string(seen).empty()) CHECK(mount.propagation.empty());
  }
}

TEST_CASE("an rslave bind mount sees what the host mounts later", "[mounts]") {
  Sandbox box;
  mkdir((box.scratch() + "/data").c_str(), 0755);
  HostMount tmpfs("none", box.scratch() + "/data", "tmpfs", 0);
  REQUIRE(mount(nullptr, tmpfs.path().c_str(), nullptr, MS_SHARED, nullptr) == 0);
  mkdir((tmpfs.path() + "/sub").c_str(), 0755);
  box.bundle.set("/linux/rootfsPropagation", "\"rslave\"");
  box.bundle.mount("/data", "bind", tmpfs.path(), "rbind,rslave")
      .probe("echo up , wait-for /data/sub/late , echo seen");
  box.launch();
  REQUIRE(box.prints("up"));
  HostMount late("none", tmpfs.path() + "/sub", "tmpfs", 0);
  write_text(late.path() + "/late", "");
  CHECK(box.prints("seen"));
  REQUIRE(box.becomes("stopped"));
}

TEST_CASE("a cgroup mount shows the container's own cgroup, read-only", "[mounts]") {
  Sandbox box;
  box.bundle.add("/linux/namespaces", R"({"type": "cgroup"})");
  box.bundle.probe(
      "cat /proc/self/mountinfo , ls /sys/fs/cgroup , mkdir /sys/fs/cgroup/x , mkdir "
      "/sys/fs/cgroup/memory/x");
  Finished f = box.run();
  if (controller_version("memory") == 1) {
    CHECK(mount_at(f.out, "/sys/fs/cgroup/memory").type == "cgroup");
    CHECK(mount_at(f.out, "/sys/fs/cgroup/memory").options == containing("ro,nosuid,nodev,noexec"));
    CHECK(line_of(f.out, "/sys/fs/cgroup:") == containing(" pids"));
    CHECK(f.out == containing("mkdir /sys/fs/cgroup/memory/x: EROFS"));
  } else {
    CHECK(mount_at(f.out, "/sys/fs/cgroup").type == "cgroup2");
    CHECK(line_of(f.out, "/sys/fs/cgroup:") == containing("cgroup.procs"));
    CHECK(f.out == containing("mkdir /sys/fs/cgroup/x: EROFS"));
  }
}

TEST_CASE("a mount that the kernel refuses is an error with the mount's names, and leaves nothing",
          "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "nosuchfs", "the-source", "").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("the-source"));
  CHECK(f.err == saying("/t"));
  CHECK(f.err == saying("no such device"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("a bind source that does not exist is an error with its name", "[mounts]") {
  Sandbox box;
  box.bundle.mount("/t", "bind", "/no/such/source", "bind").probe("exit 0");
  Finished f = box.run();
  CHECK(f.code == 1);
  CHECK(f.err == saying("/no/such/source"));
  CHECK(f.err == saying("no such file or directory"));
  CHECK(box.leftovers().empty());
}

TEST_CASE("overlay mounts work with their data options", "[mounts]") {
  Sandbox box;
  std::string base = box.scratch();
  mkdir((base + "/tmpfs").c_str(), 0755);
  HostMount tmpfs("none", base + "/tmpfs", "tmpfs", 0);
  REQUIRE(tmpfs.made());
  for (const char* dir : {"/lower", "/upper", "/work"}) mkdir((tmpfs.path() + dir).c_str(), 0755);
  write_text(tmpfs.path() + "/lower/a", "lower\n");
  box.bundle.mount("/o", "overlay", "overlay",
                   "lowerdir=" + tmpfs.path() + "/lower,upperdir=" + tmpfs.path() +
                       "/upper,workdir=" + tmpfs.path() + "/work");
  box.bundle.probe("cat /o/a , write /o/b new");
  CHECK(box.outcome() == "lower\n");
  CHECK(read_text(tmpfs.path() + "/upper/b") == "new");
}

TEST_CASE("an idmapped bind mount shows the owners of its mapping", "[mounts][beyond-runc]") {
  Sandbox box;
  // TMPDIR has to be on a file system that can be idmapped: ext4 from Linux 5.12 on, tmpfs from 6.3 on.
  std::string dir = box.scratch() + "/data";
  mkdir(dir.c_str(), 0755);
  write_text(dir + "/file", "x");
  REQUIRE(chown((dir + "/file").c_str(), 0, 0) == 0);
  box.bundle.user_namespace();
  box.bundle.add("/mounts", R"({"destination": "/data", "type": "bind", "source": ")" + dir +
                                R"(", "options": ["bind", "idmap"],
     "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
     "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}]})");
  box.bundle.probe("stat /data/file , write /data/new x");
  CHECK(box.outcome() == "/data/file: file 0644 0:0 1\n");
  struct stat s{};
  REQUIRE(stat((dir + "/new").c_str(), &s) == 0);
  CHECK(s.st_uid == 0);
}
