// In network namespaces that the test makes.
#include "netsetup/attach/attach.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
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
  NetworkStore store;
  std::vector<UniqueFd> netns;
  Result<RouteSocket> host = RouteSocket::open();

  explicit Scene(const std::string& directory) : store{directory + "/lib", directory + "/run"} {}
  Result<Attachment> attach_new(const Network& network, const std::string& partition,
                                std::vector<Address> addresses = {}) {
    TRY_ASSIGN(UniqueFd made, make_netns(store.netns_directory(), partition));
    netns.push_back(std::move(made));
    return attach(store, *host, network,
                  {.partition = partition,
                   .network = network.name,
                   .netns = netns.back().get(),
                   .addresses = std::move(addresses),
                   .mac = {},
                   .ports = {},
                   .rules = {},
                   .rates = {}});
  }
};

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

int attach_and_detach(const std::string& directory, const char* document) {
  Scene scene(directory);
  UniqueFd here = *open_file("/proc/thread-self/ns/net", O_RDONLY);
  NEED(scene.host);
  Result<Network> network = parse_network(document, "test");
  NEED(network && create_network(scene.store, *network));
  NEED(create_network(scene.store, *network).error().kind == Kind::kExists);
  NEED(list_networks(scene.store)->size() == 1);

  Result<Attachment> first = scene.attach_new(*network, "web1");
  if (!first) dprintf(2, "%s\n", first.error().text.c_str());
  Result<Attachment> second = scene.attach_new(*network, "web2", {*Address::parse("10.7.0.77")});
  NEED(first && second);
  NEED(second->addresses[0].address.text() == "10.7.0.77");
  NEED(first->addresses.size() == 2 && second->addresses.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    NEED(reaches(here.get(), scene.netns[0].get(), first->addresses[i]));
    NEED(reaches(scene.netns[1].get(), scene.netns[0].get(), first->addresses[i]));
  }
  // What the record says is what was made.
  Result<std::vector<Attachment>> found = list_attachments(scene.store, "");
  NEED(found && found->size() == 2);
  NEED(print_attachment((*found)[0]) == print_attachment(*first));
  NEED(remove_network(scene.store, network->name).error().kind == Kind::kState);

  Result<Attachment> taken = scene.attach_new(*network, "web3", {*Address::parse("10.7.0.77")});
  NEED(!taken &&
       taken.error().text == "attach \"web3\" to network \"net\": address 10.7.0.77 is taken by \"web2\"");
  Result<Attachment> outside = scene.attach_new(*network, "web4", {*Address::parse("10.9.0.1")});
  NEED(!outside && outside.error().kind == Kind::kInvalid);
  NEED(list_attachments(scene.store, "")->size() == 2);

  // The namespace may be gone before, and twice is as good as once.
  NEED(remove_netns(scene.store.netns_directory(), "web1"));
  scene.netns[0].reset();
  for (int i = 0; i < 2; ++i) {
    NEED(detach(scene.store, *scene.host, *first));
    NEED(detach(scene.store, *scene.host, *second));
  }
  NEED(!scene.host->index_of(first->host_interface));
  NEED(list_attachments(scene.store, "")->empty());
  NEED(list_networks(scene.store)->size() == 1);
  for (const LeasePool& pool : lease_pools(scene.store, *network)) NEED(list_leases(pool)->empty());
  NEED(remove_network(scene.store, network->name));
  NEED(find_network(scene.store, network->name).error().kind == Kind::kNotFound);
  return 0;
}

constexpr const char* kBridge =
    R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}], "mtu": 1400})";
constexpr const char* kRouted =
    R"({"name": "net", "kind": "routed", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}]})";

int status_of(const char* document) {
  char name[] = "/tmp/shoji-attach.XXXXXX";
  std::string directory = mkdtemp(name);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      _exit(99);
    _exit(attach_and_detach(directory, document));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  ignore(remove_tree(directory), "the test is over");
  return status;
}

}  // namespace

TEST_CASE("partitions are attached to a bridge and detached without a trace") {
  CHECK(status_of(kBridge) == 0);
}

TEST_CASE("routed partitions have an address each, and no bridge") {
  CHECK(status_of(kRouted) == 0);
}
