// Verbs are killed at any moment, and the next one leaves nothing of them, in network namespaces that the test makes.
#include <algorithm>
#include <csignal>

#include "netsetup/ports/ports.h"
#include "tests/catch.h"
#include "tests/netsetup/host_scene.h"

using namespace shoji;
using namespace shoji::net;
using namespace shoji::net::test;

namespace {

PublishedPort port(const char* text) {
  return *parse_published_port(text);
}

// A process that does `verbs` again and again, and is killed `delay` after the first time, in the middle of whatever.
bool is_killed(Scene& scene, void (*verbs)(Scene&), useconds_t delay) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  UniqueFd ready(ends[0]), tell(ends[1]);
  pid_t pid = fork();
  if (pid == 0) {
    for (;;) {
      verbs(scene);
      if (write(tell.get(), "", 1) != 1) _exit(99);
    }
  }
  tell.reset();
  char byte = 0;
  bool once = read(ready.get(), &byte, 1) == 1;
  usleep(delay);
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  return once && WIFSIGNALED(status);
}

// Two partitions come and go.
void attach_and_remove(Scene& scene) {
  HostNetworks networks = scene.networks();
  AttachRequest first = to("net"), second = to("net");
  first.ports = {port("8080:80/tcp"), port("9000-9003:80-83/udp")};
  first.rates = {.in = 1 << 20, .out = 1 << 20};
  first.rules = {AccessRule{.allow = false, .peer = {}, .protocol = Protocol::kTcp, .first_port = 22}};
  second.ports = {port("8081:80/tcp")};
  if (!networks.attach({of("web1", first), of("web2", second)})) _exit(1);
  if (!networks.detach("web2", "net")) _exit(2);
  if (!networks.remove({"web1", "web2"})) _exit(3);
}

int kill_rounds(const std::string& directory, const char* document) {
  Scene scene(directory);
  NEED(scene.networks().create_network(*parse_network(document, "test")));
  for (useconds_t round = 0; round < 24; ++round) {
    NEED(is_killed(scene, attach_and_remove, round * 3700));
    // The next verb, whatever it is for.
    HostNetworks networks = scene.networks();
    const std::vector<Attachment> left = *list_attachments(scene.store, "");
    for (const Attachment& attachment : left) {
      NEED(scene.host.index_of(attachment.host_interface));
      NEED(reaches(scene.here.get(), scene.netns(attachment.partition).get(), attachment.addresses[0]));
    }
    if (left.empty()) NEED(list_ports(scene.store.run)->empty());
    const std::vector<Fault> faults = *networks.check(false);
    for (const Fault& fault : faults) {
      // Between its detach and its end a partition has a namespace and no network.
      NEED(fault.subject == "partition \"web2\"" &&
           fault.what.find("which has no network") != std::string::npos);
    }
    NEED(networks.remove({"web1", "web2"}));
    NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
  }
  return 0;
}

// A network comes, changes and goes, with a partition.
void make_network(Scene& scene) {
  HostNetworks networks = scene.networks();
  Network network = *parse_network(R"({"name": "second", "subnets": [{"subnet": "10.8.0.0/24"}]})", "test");
  if (!networks.create_network(network)) _exit(1);
  if (!networks.attach({of("web3", to("second"))})) _exit(2);
  network.mtu = 1300;
  network.subnets[0].gateway = ip("10.8.0.77");
  if (!networks.replace_network(network)) _exit(3);
  if (!networks.remove({"web3"}) || !networks.remove_network("second")) _exit(4);
}

int kill_networks(const std::string& directory, const char* /*document*/) {
  Scene scene(directory);
  for (useconds_t round = 0; round < 20; ++round) {
    NEED(is_killed(scene, make_network, round * 2900));
    HostNetworks networks = scene.networks();
    bool there = !list_networks(scene.store)->empty();
    // There is a bridge only with a network. What is different in partitions a check mends.
    NEED(there || !scene.host.index_of("sj-second"));
    const std::vector<Fault> faults = *networks.check(true);
    for (const Fault& fault : faults) {
      if (!fault.repaired) dprintf(2, "%s: %s\n", fault.subject.c_str(), fault.what.c_str());
      NEED(fault.repaired);
    }
    NEED(networks.check(false)->empty());
    const std::vector<Attachment> left = *list_attachments(scene.store, "");
    for (const Attachment& attachment : left)
      NEED(reaches(scene.here.get(), scene.netns("web3").get(), attachment.addresses[0]));
    NEED(networks.remove({"web3"}));
    if (there) NEED(networks.remove_network("second"));
    NEED(!scene.host.index_of("sj-second") && nothing_left(scene));
  }
  return 0;
}

}  // namespace

TEST_CASE("whatever a killed verb leaves is gone after the next one", "[rounds]") {
  CHECK(status_of(kill_rounds, kBridge) == 0);
}

TEST_CASE("a network that a killed verb was about to make, change or remove is whole or gone", "[rounds]") {
  CHECK(status_of(kill_networks, kBridge) == 0);
}
