// CNI's own plugins, in network namespaces that the test makes.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/io.h"
#include "netsetup/cni/cni.h"
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
  explicit Scene(const std::string& base)
      : directory(base),
        store{base + "/lib", base + "/run"},
        places{.configurations = base + "/net.d", .plugins = "/nowhere:/usr/lib/cni"} {
    ignore(make_directories(places.configurations, 0755), "the first test says so");
  }
  Result<> configure(const std::string& file, const std::string& text) {
    return write_file_atomically(places.configurations + "/" + file, text);
  }
  Result<Attachment> attach(const std::string& network, const std::string& partition,
                            const std::function<void(AttachRequest&)>& change = {}) {
    if (!open_netns(store.netns_directory(), partition)) TRY(make_netns(store.netns_directory(), partition));
    TRY_ASSIGN(Network found, find_network_or_cni(store, network, places));
    AttachRequest request;
    request.partition = partition;
    request.network = network;
    request.interface = "eth0";
    if (change) change(request);
    return cni_attach(store, found, request, store.netns_directory() + "/" + partition, places);
  }
  Result<> detach(const std::string& network, const std::string& partition) {
    return cni_detach(store, partition, network, places);
  }
  // Addresses that host-local has given away.
  [[nodiscard]] size_t leases(const std::string& network) const {
    size_t out = 0;
    for (const char* address : {"10.77.0.2", "10.77.0.3", "10.77.0.9", "10.77.0.10"})
      if (access((directory + "/leases/" + network + "/" + address).c_str(), F_OK) == 0) ++out;
    return out;
  }

  std::string directory;
  NetworkStore store;
  CniPlaces places;
};

std::string bridge_list(const std::string& directory, const std::string& rest) {
  return cat(R"({"cniVersions": ["0.4.0", "1.0.0"], "name": "farm", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "capabilities": {"ips": true, "mac": true},
     "ipam": {"type": "host-local", "dataDir": ")",
             directory,
             R"(/leases", "ranges": [[{"subnet": "10.77.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}})",
             rest, "]}");
}

// What a program prints in the namespace of a partition, or in ours.
std::string output_in(const Scene& scene, const std::string& partition, const std::string& command) {
  std::string where =
      partition.empty() ? "" : "nsenter --net=" + scene.store.netns_directory() + "/" + partition + " ";
  FILE* pipe = popen((where + command + " 2>&1").c_str(), "r");
  std::string out;
  char buffer[4096];
  size_t n = 0;
  while ((n = fread(buffer, 1, sizeof buffer, pipe)) > 0) out.append(buffer, n);
  pclose(pipe);
  return out;
}

int bridge_and_portmap(const std::string& directory) {
  Scene scene(directory);
  NEED(
      scene.configure("10-farm.conflist",
                      bridge_list(directory, R"(, {"type": "portmap", "capabilities": {"portMappings": true}},
                                                    {"type": "loopback"})")));
  Result<Attachment> web = scene.attach("cni:farm", "web", [](AttachRequest& request) {
    request.addresses = {*Address::parse("10.77.0.9")};
    request.mac = *Mac::parse("02:00:00:00:00:09");
    request.ports = {*parse_published_port("8080-8081:80-81/tcp")};
  });
  if (!web) dprintf(2, "%s\n", web.error().text.c_str());
  NEED(web);
  NEED(web->network == "cni:farm" && web->kind == NetworkKind::kCni && web->interface == "eth0");
  NEED(web->addresses.size() == 1 && web->addresses[0].text() == "10.77.0.9/24");
  NEED(web->gateways.size() == 1 && web->gateways[0].text() == "10.77.0.1");
  NEED(web->mac.text() == "02:00:00:00:00:09");
  NEED(web->host_interface.starts_with("veth"));
  NEED(output_in(scene, "web", "ip -o address show dev eth0").contains("10.77.0.9/24"));
  NEED(output_in(scene, "", "ping -c 1 -W 3 10.77.0.9").contains(" 0% packet loss"));
  NEED(output_in(scene, "", "nft list ruleset").contains("8081"));
  // A second one finds no record of the first.
  Result<Attachment> db = scene.attach("cni:farm", "db");
  NEED(db && db->addresses[0].text() == "10.77.0.10/24");
  NEED(scene.leases("farm") == 2);
  NEED(scene.detach("cni:farm", "web"));
  NEED(scene.detach("cni:farm", "web"));
  NEED(!output_in(scene, "", "nft list ruleset").contains("8081"));
  NEED(!output_in(scene, "web", "ip -o link").contains("eth0"));
  // What has no namespace any more is detached all the same.
  NEED(remove_netns(scene.store.netns_directory(), "db"));
  NEED(scene.detach("cni:farm", "db"));
  NEED(scene.leases("farm") == 0);
  NEED(access((directory + "/lib/cni/db").c_str(), F_OK) != 0);
  return 0;
}

// Killed between ADD and the end, and the same after a reboot: whoever attaches next takes the old lease back.
int attach_after_kill(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.configure("farm.conflist", bridge_list(directory, "")));
  NEED(scene.attach("cni:farm", "web"));
  std::string record = directory + "/lib/cni/web/cni:farm";
  std::string text = *read_file(record);
  size_t boot = text.find("\"bootId\":\"") + 10;
  text[boot] = text[boot] == '0' ? '1' : '0';
  NEED(write_file_atomically(record, text));
  auto all = [](const std::string&, const std::string&) { return true; };
  Result<std::vector<CniLeftover>> left = cni_leftovers(scene.store, all);
  NEED(left && left->size() == 1 && (*left)[0].partition == "web" && (*left)[0].network == "cni:farm");
  NEED(remove_netns(scene.store.netns_directory(), "web"));
  NEED(scene.attach("cni:farm", "web"));
  NEED(scene.leases("farm") == 1);
  NEED(cni_check_attachment(scene.store, "web", "cni:farm", scene.places));
  output_in(scene, "web", "ip link delete eth0");  // what somebody else took away is noticed
  Result<> checked = cni_check_attachment(scene.store, "web", "cni:farm", scene.places);
  NEED(!checked && checked.error().text.starts_with(R"(CNI network "farm": plugin "bridge": CHECK: )"));
  NEED(cni_leftovers(scene.store, all)->empty());
  NEED(cni_leftovers(scene.store, [](const std::string&, const std::string&) { return false; })->size() == 1);
  // Without the result, as when ADD was killed: DEL needs none.
  text = *read_file(record);
  text = text.substr(0, text.find(",\"result\"")) + "}\n";
  NEED(write_file_atomically(record, text));
  NEED(!cni_check_attachment(scene.store, "web", "cni:farm", scene.places));
  NEED(scene.detach("cni:farm", "web"));
  NEED(scene.leases("farm") == 0);
  return 0;
}

// The kernel has no VLANs for the second plugin, or its parent is not there: the first one's part is undone.
int failing_chain(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.configure(
      "farm.conflist",
      bridge_list(directory, R"(, {"type": "tuning", "sysctl": {"net.nothing.like.it": "1"}})")));
  Result<Attachment> web = scene.attach("cni:farm", "web");
  NEED(!web);
  std::string start = R"(attach "web" to network "cni:farm": CNI network "farm": plugin "tuning": ADD: )";
  if (!web.error().text.starts_with(start)) dprintf(2, "%s\n", web.error().text.c_str());
  NEED(web.error().text.starts_with(start));
  NEED(!output_in(scene, "web", "ip -o link").contains("eth0"));
  NEED(scene.leases("farm") == 0);
  NEED(access((directory + "/lib/cni/web").c_str(), F_OK) != 0);
  return 0;
}

int macvlan_single(const std::string& directory) {
  Scene scene(directory);
  NEED(scene.configure("lan.conf",
                       cat(R"({"cniVersion": "0.3.1", "name": "lan", "type": "macvlan", "master": "up0",
    "ipam": {"type": "static", "addresses": [{"address": "192.0.2.7/24"}, {"address": "2001:db8::7/64"}]}})")));
  output_in(scene, "", "ip link add up0 type veth peer name up1");
  output_in(scene, "", "ip link set up0 up");
  Result<Attachment> web = scene.attach("cni:lan", "web");
  if (!web) dprintf(2, "%s\n", web.error().text.c_str());
  NEED(web);
  NEED(web->addresses.size() == 2 && web->addresses[1].text() == "2001:db8::7/64");
  NEED(web->host_interface.empty());
  NEED(cni_check_attachment(scene.store, "web", "cni:lan", scene.places));  // 0.3.1 has no CHECK
  NEED(scene.detach("cni:lan", "web"));
  NEED(!output_in(scene, "web", "ip -o link").contains("eth0"));
  return 0;
}

// A network and a mount namespace of its own, so that nothing is left however it ends.
int apart(int (*body)(const std::string& directory)) {
  char name[] = "/tmp/shoji-cni.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", "/run", "tmpfs", 0, nullptr) != 0)
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

TEST_CASE("CNI's bridge, host-local and portmap make and undo an attachment") {
  CHECK(apart(bridge_and_portmap) == 0);
}

TEST_CASE("a CNI attachment that was killed, or is of an earlier boot, is taken back") {
  CHECK(apart(attach_after_kill) == 0);
}

TEST_CASE("a CNI plugin that fails undoes those before it") {
  CHECK(apart(failing_chain) == 0);
}

TEST_CASE("a CNI configuration of a single plugin works") {
  CHECK(apart(macvlan_single) == 0);
}
