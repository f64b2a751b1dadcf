// Ways out of a container that worked once, somewhere.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/helpers.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};
  bool operator==(const Identity& o) const {
    return device == o.device && inode == o.inode && size == o.size && changed.tv_sec == o.changed.tv_sec &&
           changed.tv_nsec == o.changed.tv_nsec;
  }
};

Identity identity(const std::string& path) {
  struct stat s{};
  stat(path.c_str(), &s);
  return {s.st_dev, s.st_ino, s.st_size, s.st_mtim};
}

}  // namespace

TEST_CASE("CVE-2019-5736: a program that is /proc/self/exe cannot reach the runtime", "[museum]") {
  Identity before = identity(runtime_program());
  Sandbox box;
  // The interpreter of this script is whatever executes it: the runtime's own program, if that is what does.
  box.bundle.file("script", "#!/proc/self/exe\n", 0755).args({"/script"});
  Finished run = box.run();
  CHECK(run.code != 0);
  CHECK(run.out.empty());
  box.bundle.probe("wait");
  box.launch();
  Finished exec = box.runtime({"exec", box.id(), "/script"});
  CHECK(exec.code != 0);
  CHECK(exec.out.empty());
  Finished self = box.runtime({"exec", box.id(), "/proc/self/exe", "--version"});
  CHECK(self.out.find("spec:") == std::string::npos);
  CHECK(identity(runtime_program()) == before);
}

TEST_CASE("CVE-2019-5736: the first program sees only itself as its executable", "[museum]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"});
  box.bundle.probe("readlink /proc/self/exe , readlink /proc/1/exe");
  CHECK(box.outcome() == "/proc/self/exe -> /probe\n/proc/1/exe -> /probe\n");
}

TEST_CASE("CVE-2019-5736: while exec enters, no process of the runtime can be written", "[museum]") {
  // The program inside looks at every process it can see, again and again, while exec comes and goes.
  Identity before = identity(runtime_program());
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"});
  box.bundle.probe("echo hunting , hunt-exe");
  box.launch();
  REQUIRE(box.prints("hunting"));
  for (int i = 0; i < 10; i++) CHECK(box.exec("echo x").code == 0);
  CHECK(box.kill("TERM").code == 0);
  CHECK(box.output() == "hunting\n");
  CHECK(identity(runtime_program()) == before);
}

TEST_CASE("CVE-2024-21626: cwd through a leaked descriptor is refused", "[museum]") {
  for (int fd = 3; fd < 14; fd++) {
    Sandbox box;
    box.bundle.set("/process/cwd", json_string("/proc/self/fd/" + std::to_string(fd)));
    box.bundle.probe("cwd , ls ../../../../../etc");
    Finished f = box.run();
    INFO(fd << ": " << f.out << f.err);
    CHECK(f.code != 0);
    CHECK(f.out != containing("passwd"));
    CHECK(f.out != containing("(unreachable)"));
  }
}

TEST_CASE("CVE-2024-21626: exec's cwd through a leaked descriptor is refused", "[museum]") {
  Sandbox box;
  box.bundle.probe("wait");
  box.launch();
  shoji::UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int fd = 3; fd < 14; fd++) {
    Command c = box.command({"exec", "--cwd", "/proc/self/fd/" + std::to_string(fd), box.id(), "/probe",
                             "cwd", ",", "ls", "../../../../../etc"});
    c.fds = {{root.get(), fd}};
    Finished f = run_command(c);
    INFO(fd << ": " << f.out << f.err);
    CHECK(f.code != 0);
    CHECK(f.out != containing("passwd"));
    CHECK(f.out != containing("(unreachable)"));
  }
}

TEST_CASE("CVE-2024-21626: a link to /proc/self/fd/N as cwd is refused", "[museum]") {
  Sandbox box;
  shoji::UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  box.bundle.link("/proc/self/fd/7", "inside").set("/process/cwd", "\"/inside\"");
  box.bundle.probe("cwd , ls ../../../../../etc").save();
  Command c = box.command({"run", "--bundle", box.bundle.path(), box.id()});
  c.fds = {{root.get(), 7}};
  Finished f = run_command(c);
  CHECK(f.out != containing("passwd"));
  CHECK(f.out != containing("(unreachable)"));
}

TEST_CASE("CVE-2024-21626: a program named through a leaked descriptor is not the host's", "[museum]") {
  Sandbox box;
  const std::string on_host = "/.." + box.bundle.rootfs() + "/probe";
  for (int fd = 3; fd < 48; ++fd) {
    INFO("descriptor " << fd);
    box.bundle.args({"/proc/self/fd/" + std::to_string(fd) + on_host, "echo", "out"});
    Finished run = box.run();
    CHECK(run.code != 0);
    CHECK(run.out.empty());
  }
  box.bundle.probe("wait");
  box.launch();
  for (int fd = 3; fd < 48; ++fd) {
    INFO("descriptor " << fd);
    Finished exec =
        box.runtime({"exec", box.id(), "/proc/self/fd/" + std::to_string(fd) + on_host, "echo", "out"});
    CHECK(exec.code != 0);
    CHECK(exec.out.empty());
  }
}

TEST_CASE("CVE-2024-21626: what runs before start sees no descriptor of the waiting first process",
          "[museum]") {
  Sandbox box;
  box.bundle.probe("wait");
  REQUIRE(box.create().code == 0);
  CHECK(box.exec("readlink /proc/1/fd/0").out == "readlink /proc/1/fd/0: EACCES\n");
  CHECK(box.exec("readlink /proc/1/root").out == "readlink /proc/1/root: EACCES\n");
  for (const auto& open : std::filesystem::directory_iterator("/proc/" + std::to_string(box.pid()) + "/fd")) {
    std::error_code none;
    const std::string target = std::filesystem::read_symlink(open.path(), none);
    INFO(open.path() << " is " << target);
    CHECK_FALSE(std::filesystem::is_directory(open.path(), none));
    CHECK(target != containing("/sys/fs/cgroup"));
  }
}

TEST_CASE("CVE-2025-31133: a /dev/null that is a link does not redirect masks", "[museum][beyond-runc]") {
  // Masking a file binds /dev/null on it. If the image replaces that by a link, the mask would show the
  // link's target, writable: /proc/sysrq-trigger or core_pattern, for one.
  Sandbox box;
  box.bundle.drop_mount("/dev").drop_mount("/dev/pts").drop_mount("/dev/shm").drop_mount("/dev/mqueue");
  box.bundle.file("victim", "victim\n").link("/victim", "dev/null").file("secret", "secret\n");
  box.bundle.set("/linux/maskedPaths", R"(["/secret"])")
      .probe("cat /secret , append /secret changed , stat /secret");
  Finished f = box.run();
  CHECK(f.out != containing("victim\n"));
  CHECK(f.out != containing("secret\n/"));
  CHECK(box.bundle.read("victim") == "victim\n");
}

TEST_CASE("CVE-2025-52565: a /dev/pts that is a link does not redirect /dev/console", "[museum]") {
  Sandbox box;
  box.bundle.drop_mount("/dev/pts").set("/process/terminal", "true");
  box.bundle.file("victim", "victim\n")
      .link("/victim", "dev/pts/0")
      .probe("write /dev/console x , cat /victim , wait");
  Finished f = box.create({"--console-socket", "/no/such/socket"});
  CHECK(f.code == 1);
  CHECK(box.bundle.read("victim") == "victim\n");
  CHECK(box.leftovers().empty());
}

TEST_CASE("CVE-2025-52881: sysctls cannot be redirected by a fake /proc", "[museum][beyond-runc]") {
  Sandbox box;
  // Without a mount on it, /proc is the image's: what is written there is no sysctl.
  box.bundle.drop_mount("/proc").drop("/linux/maskedPaths").drop("/linux/readonlyPaths");
  box.bundle.file("victim", "victim\n").link("/victim", "proc/sys/net/ipv4/ip_default_ttl");
  box.bundle.set("/linux/sysctl", R"({"net.ipv4.ip_default_ttl": "77"})").probe("exit 0");
  Finished f = box.run();
  INFO(f.err);
  CHECK(box.bundle.read("victim") == "victim\n");
}

TEST_CASE("CVE-2025-52881: process attributes cannot be redirected by a link in /proc", "[museum]") {
  Sandbox box;
  box.bundle.drop_mount("/proc").drop("/linux/maskedPaths").drop("/linux/readonlyPaths");
  box.bundle.file("victim", "victim\n")
      .link("/victim", "proc/self/oom_score_adj")
      .link("/victim", "proc/1/oom_score_adj");
  box.bundle.set("/process/oomScoreAdj", "500").probe("exit 0");
  box.run();
  CHECK(box.bundle.read("victim") == "victim\n");
}

TEST_CASE("CVE-2021-30465: a destination swapped for a link between two mounts stays inside", "[museum]") {
  // The first mount brings a tree whose link is the second mount's destination.
  Sandbox box;
  std::string tree = box.scratch() + "/tree", outside = box.scratch() + "/outside";
  mkdir(tree.c_str(), 0755);
  mkdir(outside.c_str(), 0755);
  REQUIRE(symlink(outside.c_str(), (tree + "/link").c_str()) == 0);
  box.bundle.mount("/t", "bind", tree, "bind").mount("/t/link", "tmpfs", "tmpfs", "").probe("vfs /t/link");
  Finished f = box.run();
  INFO(f.out << f.err);
  CHECK(read_text("/proc/self/mountinfo").find(outside) == std::string::npos);
  if (f.code == 0) CHECK(f.out == containing("type=1021994"));
}

TEST_CASE("CVE-2016-9962: no directory descriptor of the host is open in a process that enters", "[museum]") {
  Sandbox box;
  box.bundle.capabilities({"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"});
  box.bundle.probe("echo hunting , hunt-fds");
  box.launch();
  REQUIRE(box.prints("hunting"));
  for (int i = 0; i < 10; i++) CHECK(box.exec("echo x").code == 0);
  CHECK(box.output() == "hunting\n");
}

TEST_CASE("the runtime does not follow links of the image for its own files", "[museum]") {
  Sandbox box;
  write_text(box.scratch() + "/outside", "host\n");
  for (const char* name : {"dev/ptmx", "dev/fd", "dev/stdin", "dev/core"})
    box.bundle.link(box.scratch() + "/outside", name);
  box.bundle.drop_mount("/dev").drop_mount("/dev/shm").drop_mount("/dev/mqueue").drop_mount("/dev/pts");
  box.bundle.probe("exit 0");
  Finished f = box.run();
  INFO(f.err);
  CHECK(read_text(box.scratch() + "/outside") == "host\n");
}

TEST_CASE("the bundle's config cannot name a state directory by its id", "[museum]") {
  Sandbox box;
  box.bundle.save();
  for (const char* id : {"../../etc", "..", "/etc/x", "a/../../b"}) {
    Finished f = box.runtime({"run", "--bundle", box.bundle.path(), id});
    CHECK(f.code == 1);
    Finished g = box.runtime({"delete", "--force", id});
    CHECK((g.code == 1 || g.code == 0));
  }
  CHECK(access("/etc/passwd", F_OK) == 0);
}
