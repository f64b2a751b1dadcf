#pragma once
// A host with networks in namespaces of the test's own, and what is left on it.
#include "netsetup/host/host_networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "netsetup/link/listing.h"
#include "netsetup/netns/netns.h"

namespace shoji::net::test {

#define NEED(...)                                        \
  if (!(__VA_ARGS__)) {                                  \
    dprintf(2, "line %d: %s\n", __LINE__, #__VA_ARGS__); \
    return 1;                                            \
  }

// A connection between two namespaces, to the first address of `to`.
inline bool reaches(int from, int to, const Prefix& address) {
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

inline AttachRequest to(const std::string& network, std::vector<Address> addresses = {}) {
  return {.partition = {},
          .network = network,
          .addresses = std::move(addresses),
          .mac = {},
          .ports = {},
          .rules = {},
          .rates = {}};
}

inline PartitionRequest of(const std::string& partition, AttachRequest request) {
  PartitionRequest out{.partition = partition, .netns = {}, .make_netns = true, .networks = {}};
  out.networks.push_back(std::move(request));
  return out;
}

inline Address ip(const char* text) {
  return *Address::parse(text);
}

// Interfaces of ours on the host, leases, records, pinned namespaces, work that is pending, and rules for partitions.
inline std::string what_is_left(Scene& scene) {
  std::string out;
  const std::vector<LinkFacts> links = *list_links(scene.host);
  for (const LinkFacts& link : links)
    if (link.kind != "bridge" && (link.name.starts_with("sj") || link.name.starts_with("sk")))
      out += cat("interface ", link.name, '\n');
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
inline bool nothing_left(Scene& scene) {
  std::string left;
  for (int i = 0; i < 200; ++i) {
    left = what_is_left(scene);
    if (left.empty()) return true;
    usleep(10000);
  }
  dprintf(2, "left:\n%s", left.c_str());
  return false;
}

inline constexpr const char* kBridge =
    R"({"name": "net", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}], "mtu": 1400})";
inline constexpr const char* kRouted =
    R"({"name": "net", "kind": "routed", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}]})";

inline int status_of(int (*body)(const std::string&, const char*), const char* document) {
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

}  // namespace shoji::net::test
