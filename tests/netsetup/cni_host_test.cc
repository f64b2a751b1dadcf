// Networks of CNI among those of the host, in namespaces that the test makes.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "netsetup/host/host_networks.h"
#include "netsetup/netns/netns.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

struct Scene {
  explicit Scene(const std::string& base) : directory(base), store{base + "/lib", base + "/run"} {
    setenv("NETCONFPATH", (base + "/net.d").c_str(), 1);
    setenv("CNI_PATH", (base + "/bin").c_str(), 1);
    ignore(make_directories(base + "/net.d", 0755), "the first attach says so");
    ignore(make_directories(base + "/bin", 0755), "the first attach says so");
    ignore(write_file_atomically(base + "/net.d/own.conf",
                                 R"({"cniVersion": "1.0.0", "name": "own", "type": "own"})"),
           "the first attach says so");
  }
  void plugin(const std::string& body) const {
    std::string path = directory + "/bin/own";
    ignore(write_file_atomically(path, "#!/bin/sh\n" + body + "\n"), "the first attach says so");
    chmod(path.c_str(), 0755);
  }
  [[nodiscard]] Result<std::vector<Attachment>> attach(const std::string& partition) const {
    TRY_ASSIGN(HostNetworks host, HostNetworks::open(store));
    AttachRequest request;
    request.network = "cni:own";
    return host.attach({{.partition = partition, .netns = {}, .make_netns = true, .networks = {request}}});
  }
  // Files of partitions, without the locks that stay.
  [[nodiscard]] std::string left() const {
    std::string out;
    for (const char* part : {"/lib/cni", "/run/attachments", "/run/netns", "/run/pending"}) {
      FILE* pipe = popen(("find " + directory + part + " -mindepth 1 2>/dev/null").c_str(), "r");
      char line[4096];
      while (fgets(line, sizeof line, pipe) != nullptr) out += line;
      pclose(pipe);
    }
    return out;
  }

  std::string directory;
  NetworkStore store;
};

// A result without an interface, as some plugins give it: the record can be read all the same.
int attach_and_remove(const std::string& directory) {
  Scene scene(directory);
  scene.plugin("[ $CNI_COMMAND != ADD ] || echo '{}'");
  Result<std::vector<Attachment>> made = scene.attach("web");
  if (!made) dprintf(2, "%s\n", made.error().text.c_str());
  NEED(made && made->size() == 1);
  Result<std::vector<Attachment>> listed = list_attachments(scene.store, "");
  NEED(listed && listed->size() == 1);
  NEED((*listed)[0].kind == NetworkKind::kCni && (*listed)[0].mac == Mac{});
  Result<HostNetworks> host = HostNetworks::open(scene.store);
  NEED(host && host->remove({"web"}));
  if (!scene.left().empty()) dprintf(2, "%s", scene.left().c_str());
  NEED(scene.left().empty());
  return 0;
}

// A plugin that fails on the way in and out leaves something behind; the next verb takes it away when that works again,
// and other partitions do not mind.
int broken_plugin(const std::string& directory) {
  Scene scene(directory);
  scene.plugin("exit 1");
  NEED(!scene.attach("web"));
  NEED(scene.left().contains("/run/pending/web"));
  scene.plugin("[ $CNI_COMMAND$CNI_CONTAINERID != ADDdb ] || echo '{}'; [ $CNI_CONTAINERID = db ]");
  NEED(scene.attach("db"));
  NEED(scene.left().contains("/run/pending/web"));
  scene.plugin("[ $CNI_COMMAND != ADD ] || echo '{}'");
  Result<std::vector<Attachment>> again = scene.attach("web");
  if (!again) dprintf(2, "%s\n", again.error().text.c_str());
  NEED(again);
  Result<HostNetworks> host = HostNetworks::open(scene.store);
  NEED(host && host->remove({"web", "db"}));
  NEED(scene.left().empty());
  return 0;
}

// Who has the host's namespace gets nothing put into it.
int host_namespace(const std::string& directory) {
  Scene scene(directory);
  scene.plugin("echo '{}'");
  UniqueFd here = *open_file("/proc/self/ns/net", O_RDONLY);
  NEED(pin_netns(scene.store.netns_directory(), "web", here.get()));
  Result<std::vector<Attachment>> made = scene.attach("web");
  NEED(!made && made.error().text ==
                    R"(partition "web" has the host's network namespace: nothing is attached to that)");
  NEED(remove_netns(scene.store.netns_directory(), "web"));
  NEED(scene.left().empty());
  return 0;
}

std::string fault_of(const Result<std::vector<Fault>>& faults) {
  if (!faults) return faults.error().text;
  std::string out;
  for (const Fault& fault : *faults)
    out += cat(fault.subject, ": ", fault.what, fault.repaired ? " (repaired)\n" : "\n");
  return out;
}

#define NEED_FAULT(faults, text)                                 \
  if (std::string said = fault_of(faults); said != (text)) {     \
    dprintf(2, "line %d: it says %s\n", __LINE__, said.c_str()); \
    return 1;                                                    \
  }

// What plugins say about an attachment, and what they keep for nobody.
int checked(const std::string& directory) {
  Scene scene(directory);
  scene.plugin("[ $CNI_COMMAND = DEL ] || echo '{}'");
  NEED(scene.attach("web"));
  Result<HostNetworks> host = HostNetworks::open(scene.store);
  NEED(host);
  NEED(host->check(true));  // makes the firewall's tables, which CNI does not need
  NEED_FAULT(host->check(true), "");
  const std::string subject = R"(partition "web", network "cni:own": )";
  scene.plugin(R"sh(echo '{"code": 100, "msg": "eth0 is gone"}'; exit 1)sh");
  NEED_FAULT(host->check(true), subject + R"(CNI network "own": plugin "own": CHECK: eth0 is gone)"
                                          "\n");
  // As after a reboot, which forgets what is in RUN.
  NEED(remove_record(scene.store, "web", "cni:own"));
  NEED(remove_netns(scene.store.netns_directory(), "web"));
  const std::string kept = subject + "plugins of CNI keep an attachment that is none any more";
  NEED_FAULT(host->check(false), kept + "\n");
  NEED_FAULT(host->check(true), kept + R"(, and that cannot be mended: detach "web" from network "cni:own": )"
                                       R"(CNI network "own": plugin "own": DEL: eth0 is gone)"
                                       "\n");
  scene.plugin("exit 0");
  NEED_FAULT(host->check(true), kept + " (repaired)\n");
  NEED_FAULT(host->check(true), "");
  return 0;
}

// Killed while a plugin runs: the next verb has it undone.
int killed(const std::string& directory) {
  Scene scene(directory);
  scene.plugin("echo $CNI_COMMAND >>" + directory +
               "/calls; [ $CNI_COMMAND != ADD ] || { kill -9 $PPID; sleep 5; }");
  pid_t pid = fork();
  if (pid == 0) _exit(scene.attach("web") ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  NEED(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  NEED(scene.left().contains("/lib/cni/web/cni:own"));
  NEED(HostNetworks::open(scene.store));
  NEED(*read_file(directory + "/calls") == "ADD\nDEL\n");
  if (!scene.left().empty()) dprintf(2, "%s", scene.left().c_str());
  NEED(scene.left().empty());
  return 0;
}

// A network and a mount namespace of its own, so that nothing is left however it ends.
int apart(int (*body)(const std::string& directory)) {
  char name[] = "/tmp/shoji-cni.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    signal(SIGPIPE, SIG_IGN);
    _exit(body(directory));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ignore(remove_tree(directory), "the test is over");
  return status;
}

}  // namespace

TEST_CASE("a network of CNI is one of the host's") {
  CHECK(apart(attach_and_remove) == 0);
}

TEST_CASE("a CNI plugin that fails both ways holds up its partition alone") {
  CHECK(apart(broken_plugin) == 0);
}

TEST_CASE("a check of the host asks the plugins of CNI, and has undone what they keep for nobody") {
  CHECK(apart(checked) == 0);
}

TEST_CASE("nothing is attached to the host's own namespace") {
  CHECK(apart(host_namespace) == 0);
}

TEST_CASE("a CNI attach that was killed is undone by the next verb") {
  CHECK(apart(killed) == 0);
}
