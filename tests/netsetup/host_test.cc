// In network namespaces that the test makes.
#include "netsetup/host/host_networks.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "base/io.h"
#include "netsetup/link/listing.h"
#include "netsetup/netns/netns.h"
#include "netsetup/ports/ports.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

// A connection between two namespaces, to the first address of `to`.
bool reaches(int from, int to, const Prefix& address) {
  UniqueFd home = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  sockaddr_in6 where{};
  where.sin6_family = AF_INET6;
  where.sin6_port = htons(80);
  std::string text =
      address.address.family() == Family::kIpv4 ? "::ffff:" + address.address.text() : address.address.text();
  inet_pton(AF_INET6, text.c_str(), &where.sin6_addr);
  setns(to, CLONE_NEWNET);
  UniqueFd server(socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(80);
  bool listens =
      bind(server.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0 && listen(server.get(), 4) == 0;
  setns(from, CLONE_NEWNET);
  UniqueFd client(socket(AF_INET6, SOCK_STREAM, 0));
  setns(home.get(), CLONE_NEWNET);
  timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return listens && connect(client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
}

struct Scene {
  NetworkStore store;
  UniqueFd here = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  RouteSocket host = *RouteSocket::open();

  explicit Scene(const std::string& directory) : store{directory + "/lib", directory + "/run"} {}
  [[nodiscard]] HostNetworks networks() const { return *HostNetworks::open(store); }
  [[nodiscard]] UniqueFd netns(const std::string& partition) const {
    return *open_netns(store.netns_directory(), partition);
  }
};

AttachRequest to(const std::string& network, std::vector<Address> addresses = {}) {
  return {.partition = {},
          .network = network,
          .addresses = std::move(addresses),
          .mac = {},
          .ports = {},
          .rules = {},
          .rates = {}};
}

PartitionRequest of(const std::string& partition, AttachRequest request) {
  PartitionRequest out{.partition = partition, .netns = {}, .make_netns = true, .networks = {}};
  out.networks.push_back(std::move(request));
  return out;
}

Address ip(const char* text) {
  return *Address::parse(text);
}

// Interfaces of ours on the host, leases, records, pinned namespaces, work that is pending, and rules for partitions.
std::string what_is_left(const Scene& scene) {
  std::string out;
  for (const char* prefix : {"sj", "sk"}) {
    std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir("/sys/class/net"), closedir);
    while (const dirent* entry = readdir(entries.get()))
      if (std::string_view(entry->d_name).starts_with(prefix)) out += cat("interface ", entry->d_name, '\n');
  }
  const std::vector<Network> networks = *list_networks(scene.store);
  for (const Network& network : networks) {
    const std::vector<Lease> leases = *list_leases(lease_pools(scene.store, network)[0]);
    for (const Lease& lease : leases) out += cat("lease ", lease.address.text(), '\n');
  }
  const std::vector<Attachment> records = *list_attachments(scene.store, "");
  for (const Attachment& attachment : records) out += cat("record ", attachment.partition, '\n');
  for (const char* directory : {"netns", "pending"}) {
    const std::vector<std::string> names = *list_netns(cat(scene.store.run, '/', directory));
    for (const std::string& name : names) out += cat(directory, ' ', name, '\n');
  }
  return out;
}

// The kernel and a child of remove() take interfaces away after it has returned.
bool nothing_left(const Scene& scene) {
  std::string left;
  for (int i = 0; i < 200; ++i) {
    left = what_is_left(scene);
    if (left.empty()) return true;
    usleep(10000);
  }
  dprintf(2, "left:\n%s", left.c_str());
  return false;
}

int attach_and_detach(const std::string& directory, const char* document) {
  Scene scene(directory);
  Result<Network> network = parse_network(document, "test");
  NEED(network && create_network(scene.store, *network));
  NEED(create_network(scene.store, *network).error().kind == Kind::kExists);
  NEED(list_networks(scene.store)->size() == 1);

  HostNetworks networks = scene.networks();
  auto first = networks.attach({of("web1", to("net"))});
  if (!first) dprintf(2, "%s\n", first.error().text.c_str());
  auto second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
  NEED(first && second && first->size() == 1 && second->size() == 1);
  NEED((*second)[0].addresses[0].address.text() == "10.7.0.77");
  NEED((*first)[0].addresses.size() == 2 && (*second)[0].addresses.size() == 2);
  for (const Prefix& address : (*first)[0].addresses) {
    NEED(reaches(scene.here.get(), scene.netns("web1").get(), address));
    NEED(reaches(scene.netns("web2").get(), scene.netns("web1").get(), address));
  }
  // What the record says is what was made.
  Result<std::vector<Attachment>> found = list_attachments(scene.store, "");
  NEED(found && found->size() == 2);
  NEED(print_attachment((*found)[0]) == print_attachment((*first)[0]));
  NEED(remove_network(scene.store, network->name).error().kind == Kind::kState);

  auto taken = networks.attach({of("web3", to("net", {ip("10.7.0.77")}))});
  NEED(!taken &&
       taken.error().text == "attach \"web3\" to network \"net\": address 10.7.0.77 is taken by \"web2\"");
  auto outside = networks.attach({of("web4", to("net", {ip("10.9.0.1")}))});
  NEED(!outside && outside.error().kind == Kind::kInvalid);
  auto again = networks.attach({of("web1", to("net"))});
  NEED(!again && again.error().kind == Kind::kExists);
  NEED(list_attachments(scene.store, "")->size() == 2);
  NEED(list_netns(scene.store.netns_directory())->size() == 2);

  // Hot: its interface is gone at once, and it can come back with the same address.
  NEED(networks.detach("web2", "net"));
  NEED(!scene.host.index_of((*second)[0].host_interface));
  NEED(networks.detach("web2", "net").error().kind == Kind::kNotFound);
  second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
  NEED(second);
  NEED(reaches(scene.here.get(), scene.netns("web2").get(), (*second)[0].addresses[0]));
  // The whole partition, and at once anew with the same address, while the kernel still removes the old interface.
  for (int i = 0; i < 5; ++i) {
    NEED(networks.remove({"web2"}));
    second = networks.attach({of("web2", to("net", {ip("10.7.0.77")}))});
    NEED(second);
    NEED(reaches(scene.here.get(), scene.netns("web2").get(), (*second)[0].addresses[0]));
  }
  NEED(networks.remove({"web1", "web2", "web7"}));
  NEED(networks.remove({"web1", "web2"}));
  NEED(nothing_left(scene));
  NEED(list_networks(scene.store)->size() == 1);
  NEED(remove_network(scene.store, network->name));
  NEED(find_network(scene.store, network->name).error().kind == Kind::kNotFound);
  return 0;
}

constexpr const char* kBridge =
    R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}], "mtu": 1400})";
constexpr const char* kRouted =
    R"({"name": "net", "kind": "routed", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}]})";

PublishedPort port(const char* text) {
  return *parse_published_port(text);
}

int documents_and_bridges(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  Network network = *parse_network(document, "test");
  NEED(networks.create_network(network));
  NEED(scene.host.index_of(network.interface_name()));
  NEED(networks.create_network(network).error().text == "network \"net\" exists");
  Network second = network;
  second.name = "second";
  NEED(networks.create_network(second).error().kind == Kind::kInvalid);  // the same subnets
  NEED(list_networks(scene.store)->size() == 1);
  second.subnets.resize(1);
  second.subnets[0].prefix = *Prefix::parse("10.8.0.0/24");
  second.subnets[0].gateway = ip("10.8.0.1");
  second.interface = "lo";
  NEED(networks.create_network(second).error().kind == Kind::kExists);
  second.interface = network.interface_name();
  NEED(networks.create_network(second).error().text ==
       cat("interface ", quote(second.interface), " is the one of network \"net\""));
  NEED(list_networks(scene.store)->size() == 1);

  // Another MTU, and another gateway, while a partition is attached.
  NEED(networks.attach({of("web1", to("net"))}));
  network.mtu = 1280;
  network.subnets[0].gateway = ip("10.7.0.99");
  NEED(networks.replace_network(network));
  const std::vector<LinkFacts> links = *list_links(scene.host);
  auto bridge = std::ranges::find(links, network.interface_name(), &LinkFacts::name);
  NEED(bridge != links.end() && bridge->mtu == 1280 && bridge->up && bridge->kind == "bridge");
  std::string addresses;
  const std::vector<AddressFacts> all = *list_addresses(scene.host);
  for (const AddressFacts& facts : all)
    if (facts.index == bridge->index && !facts.address.text().starts_with("fe80"))
      addresses += facts.address.text() + " ";
  NEED(addresses == "10.7.0.99/24 fd07::1/64 ");
  network.interface = "other0";
  NEED(networks.replace_network(network).error().kind == Kind::kState);
  NEED(networks.remove_network("net").error().kind == Kind::kState);
  NEED(networks.remove({"web1"}));
  NEED(networks.replace_network(network));
  NEED(scene.host.index_of("other0") && !scene.host.index_of(bridge->name));
  NEED(networks.remove_network("net"));
  NEED(!scene.host.index_of("other0"));
  NEED(networks.remove_network("net").error().kind == Kind::kNotFound);
  NEED(nothing_left(scene));
  return 0;
}

int changes(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  AttachRequest request = to("net");
  request.ports = {port("8080:80/tcp"), port("9000-9009:9000-9009/tcp")};
  NEED(networks.attach({of("web1", request)}));
  auto taken = networks.attach({of("web2", request)});
  NEED(!taken && taken.error().text ==
                     "attach \"web2\" to network \"net\": port 8080/tcp is taken by "
                     "partition \"web1\" on network \"net\"");
  NEED(list_attachments(scene.store, "web2")->empty());

  auto changed =
      networks.change("web1", "net",
                      {.rates = Rates{.in = 1 << 20, .out = 1 << 20},
                       .ports = std::vector{port("9000-9004:9000-9004/tcp"), port("7000:80/udp")},
                       .rules = std::vector{AccessRule{.allow = false, .peer = {}, .protocol = {}}}});
  if (!changed) dprintf(2, "%s\n", changed.error().text.c_str());
  NEED(changed && changed->ports.size() == 2 && changed->rates.in == 1 << 20 && changed->rules.size() == 1);
  NEED(print_attachment(*changed) == print_attachment(list_attachments(scene.store, "web1")->at(0)));
  NEED(list_ports(scene.store.run)->size() == 6);
  NEED(scene.host.index_of(rate_interface(changed->host_interface)));
  request.ports = {port("8080:80/tcp"), port("9005-9009:9005-9009/tcp")};
  NEED(networks.attach({of("web2", request)}));
  NEED(networks.change("web2", "net", {.rates = {}, .ports = std::vector{port("7000:80/udp")}, .rules = {}})
           .error()
           .kind == Kind::kExists);
  NEED(list_ports(scene.store.run)->size() == 12);
  NEED(networks.change("web9", "net", {}).error().kind == Kind::kNotFound);
  NEED(networks.change("web1", "net", {.rates = Rates{}, .ports = {}, .rules = {}}));
  NEED(!scene.host.index_of(rate_interface(changed->host_interface)));
  NEED(networks.change("web1", "net", {.rates = Rates{.out = 1 << 20}, .ports = {}, .rules = {}}));
  NEED(networks.remove({"web1", "web2"}));
  NEED(list_ports(scene.store.run)->empty());
  NEED(nothing_left(scene));
  return 0;
}

int hundred_at_once(const std::string& directory, const char* document) {
  Scene scene(directory);
  HostNetworks networks = scene.networks();
  NEED(networks.create_network(*parse_network(document, "test")));
  std::vector<PartitionRequest> requests;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    AttachRequest request = to("net");
    request.ports = {port(cat(10000 + i, ":80/tcp").c_str())};
    names.push_back(cat("p", i));
    requests.push_back(of(names.back(), std::move(request)));
  }
  // The last one cannot be: then there is none of them.
  requests[99].networks[0].ports[0].port = 10007;
  auto failed = networks.attach(requests);
  NEED(!failed && failed.error().text ==
                      "attach \"p99\" to network \"net\": port 10007/tcp is taken by "
                      "partition \"p7\" on network \"net\"");
  NEED(what_is_left(scene).empty() && list_ports(scene.store.run)->empty());
  requests[99].networks[0].ports[0].port = 10099;
  auto made = networks.attach(requests);
  if (!made) dprintf(2, "%s\n", made.error().text.c_str());
  NEED(made && made->size() == 100);
  NEED(list_ports(scene.store.run)->size() == 100);
  for (size_t i : {size_t{0}, size_t{50}, size_t{99}})
    NEED(reaches(scene.here.get(), scene.netns((*made)[i].partition).get(), (*made)[i].addresses[0]));
  NEED(networks.remove(names));
  NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
  return 0;
}

// Two partitions come and go, until somebody kills us.
[[noreturn]] void attach_and_remove_for_ever(const Scene& scene) {
  for (;;) {
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
}

int kill_rounds(const std::string& directory, const char* document) {
  Scene scene(directory);
  NEED(scene.networks().create_network(*parse_network(document, "test")));
  unsigned half = 0;
  for (useconds_t round = 0; round < 24; ++round) {
    pid_t pid = fork();
    if (pid == 0) attach_and_remove_for_ever(scene);
    usleep(20000 + round * 3700);
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    NEED(WIFSIGNALED(status));
    half += list_netns(scene.store.run + "/pending")->empty() ? 0 : 1;
    // The next verb, whatever it is for.
    HostNetworks networks = scene.networks();
    const std::vector<Attachment> left = *list_attachments(scene.store, "");
    for (const Attachment& attachment : left) {
      NEED(scene.host.index_of(attachment.host_interface));
      NEED(reaches(scene.here.get(), scene.netns(attachment.partition).get(), attachment.addresses[0]));
    }
    if (left.empty()) NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
    NEED(networks.remove({"web1", "web2"}));
    NEED(nothing_left(scene) && list_ports(scene.store.run)->empty());
  }
  // Without a kill in the middle of something nothing has been tested.
  NEED(half > 5);
  return 0;
}

int status_of(int (*body)(const std::string&, const char*), const char* document) {
  char name[] = "/tmp/shoji-host.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    _exit(body(directory, document));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ignore(remove_tree(directory), "the test is over");
  return status;
}

}  // namespace

TEST_CASE("partitions are attached to a bridge and detached without a trace") {
  CHECK(status_of(attach_and_detach, kBridge) == 0);
}

TEST_CASE("networks are made, changed and removed with their bridges") {
  CHECK(status_of(documents_and_bridges, kBridge) == 0);
}

TEST_CASE("rates, ports and rules change while a partition runs") {
  CHECK(status_of(changes, kBridge) == 0);
}

TEST_CASE("a hundred partitions are attached at once, or none of them") {
  CHECK(status_of(hundred_at_once, kBridge) == 0);
}

TEST_CASE("whatever a killed verb leaves is gone after the next one") {
  CHECK(status_of(kill_rounds, kBridge) == 0);
}

TEST_CASE("routed partitions have an address each, and no bridge") {
  CHECK(status_of(attach_and_detach, kRouted) == 0);
}
