#pragma once
// A host with a service's members on a bridge, and a client outside, each in a network namespace that the test makes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "netsetup/attach/attach.h"
#include "netsetup/service/service_store.h"
#include "tests/catch.h"
#include "tests/images/temporary.h"
#include "tests/netsetup/namespaces.h"

namespace shoji::test {

inline sockaddr_in6 any_address(int port) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(static_cast<uint16_t>(port));
  return out;
}

// Answers every byte with one, for as long as the connections last; ends with its parent.
[[noreturn]] inline void answer_bytes(int server, char name) {
  std::vector<pollfd> all = {{.fd = server, .events = POLLIN, .revents = 0}};
  while (poll(all.data(), all.size(), -1) > 0) {
    for (size_t i = all.size(); i-- > 1;) {
      char byte = 0;
      if (all[i].revents == 0) continue;
      if (read(all[i].fd, &byte, 1) == 1 && write(all[i].fd, &name, 1) == 1) continue;
      close(all[i].fd);
      all.erase(all.begin() + static_cast<ptrdiff_t>(i));
    }
    if (all[0].revents != 0)
      all.push_back({.fd = accept(server, nullptr, nullptr), .events = POLLIN, .revents = 0});
  }
  _exit(0);
}

inline pid_t serve_bytes(int netns, int port, char name) {
  UniqueFd server = inside(netns, [&] {
    UniqueFd made(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any = any_address(port);
    REQUIRE(bind(made.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(listen(made.get(), 64) == 0);
    return made;
  });
  pid_t pid = fork();
  if (pid == 0) answer_bytes(server.get(), name);
  return pid;
}

// The same for datagrams.
inline pid_t echo_datagrams(int netns, int port, char name) {
  UniqueFd server = inside(netns, [&] {
    UniqueFd made(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any = any_address(port);
    REQUIRE(bind(made.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    return made;
  });
  pid_t pid = fork();
  if (pid != 0) return pid;
  while (true) {
    char byte = 0;
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    if (recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&peer), &size) != 1) _exit(1);
    sendto(server.get(), &name, 1, 0, reinterpret_cast<sockaddr*>(&peer), size);
  }
}

// A connection to `address` from `netns`; none when it is refused, or not there within a second.
inline UniqueFd connect_to(int netns, const std::string& address, int port, int type = SOCK_STREAM) {
  return inside(netns, [&] {
    UniqueFd out(socket(AF_INET6, type | SOCK_CLOEXEC, 0));
    timeval patience{.tv_sec = 1, .tv_usec = 0};
    setsockopt(out.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in6 to = any_address(port);
    std::string text = address.contains(':') ? address : "::ffff:" + address;
    REQUIRE(inet_pton(AF_INET6, text.c_str(), &to.sin6_addr) == 1);
    if (connect(out.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) out.reset();
    return out;
  });
}
// Who is at the other end; '-' when nobody answers.
inline char who_answers(const UniqueFd& connection) {
  char out = '-';
  if (!connection || write(connection.get(), "?", 1) != 1 || read(connection.get(), &out, 1) != 1) return '-';
  return out;
}

struct ServiceScene {
  static constexpr const char* kHost = "192.0.2.1";
  static constexpr const char* kHost6 = "2001:db8::1";
  Temporary directory;
  net::NetworkStore store{.root = directory / "root", .run = directory / "run"};
  UniqueFd host = new_network(), client = new_network();
  std::vector<UniqueFd> members;  // 'a' at 10.7.0.2 and fd07::2, 'b' at .3, ...
  std::vector<pid_t> servers;

  explicit ServiceScene(int count) {
    inside(host.get(), [&] {
      net::RouteSocket here = *net::RouteSocket::open();
      net::Batch batch;
      add_bridge(batch, "br0", {.mac = *net::Mac::parse("02:5a:00:00:00:01")});
      add_veth(batch, {.name = "outside", .mac = {}},
               {.name = "eth0", .mac = {}, .index = 2, .netns = client.get()}, {});
      REQUIRE(batch.send(here));
      // The kernel asks for a forwarded packet's neighbour from a link-local address, and its own one is tentative for a
      // second or two.
      for (const char* address : {"10.7.0.1/24", "fd07::1/64", "fe80::1/64"})
        add_address(batch, *here.index_of("br0"), *net::Prefix::parse(address));
      for (const char* address : {"192.0.2.1/24", "2001:db8::1/64"})
        add_address(batch, *here.index_of("outside"), *net::Prefix::parse(address));
      REQUIRE(batch.send(here));
      for (const char* path : {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"})
        REQUIRE(write_kernel_file(path, "1"));
      for (int i = 0; i < count; ++i) add_member(here, i);
      return 0;
    });
    configure(client.get(), {"192.0.2.9/24", "2001:db8::9/64"}, {"192.0.2.1", "2001:db8::1"});
    for (int i = 0; i < count; ++i)
      servers.push_back(serve_bytes(members[static_cast<size_t>(i)].get(), 80, static_cast<char>('a' + i)));
  }
  ~ServiceScene() {
    for (pid_t pid : servers) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  ServiceScene(const ServiceScene&) = delete;
  ServiceScene& operator=(const ServiceScene&) = delete;

  static std::string address_of(int member) { return cat("10.7.0.", member + 2); }
  static std::string address6_of(int member) { return cat("fd07::", member + 2); }

  void add_member(net::RouteSocket& here, int i) {
    UniqueFd made = new_network();
    net::Batch batch;
    add_veth(batch, {.name = cat("m", i), .mac = {}},
             {.name = "eth0", .mac = {}, .index = 2, .netns = made.get()},
             {.mtu = 0, .master = *here.index_of("br0")});
    REQUIRE(batch.send(here));
    configure(made.get(), {address_of(i) + "/24", address6_of(i) + "/64"}, {"10.7.0.1", "fd07::1"});
    members.push_back(std::move(made));
  }

  static void configure(int netns, const std::vector<std::string>& addresses,
                        const std::vector<std::string>& gateways) {
    net::RouteSocket there = *net::RouteSocket::open_in(netns);
    net::Batch batch;
    change_link(batch, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring it up");
    for (const std::string& address : addresses) add_address(batch, 2, *net::Prefix::parse(address));
    for (const std::string& gateway : gateways) {
      net::Address address = *net::Address::parse(gateway);
      net::Prefix all{.address =
                          *net::Address::parse(address.family() == net::Family::kIpv4 ? "0.0.0.0" : "::")};
      add_route(batch, 2, {.destination = all, .gateway = address});
    }
    REQUIRE(batch.send(there));
  }

  // What `body` does with services, on the host.
  template <typename Body>
  auto with_services(Body body) const {
    return inside(host.get(), [&] {
      net::Services services = *net::Services::open(store);
      return body(services);
    });
  }

  // As an attach would have recorded it: the partition named after the member is on network "farm".
  void record(int member, bool four = true, bool six = true) const {
    net::Attachment made;
    made.partition = cat("p", member);
    made.network = "farm";
    made.interface = "eth0";
    if (four) made.addresses.push_back(*net::Prefix::parse(address_of(member) + "/24"));
    if (six) made.addresses.push_back(*net::Prefix::parse(address6_of(member) + "/64"));
    std::string directory_of_it = cat(store.run, "/attachments/p", member);
    REQUIRE(make_directories(directory_of_it, 0755));
    REQUIRE(write_file_atomically(directory_of_it + "/farm", print_attachment(made)));
  }
  void forget(int member) const { REQUIRE(remove_tree(cat(store.run, "/attachments/p", member))); }

  [[nodiscard]] UniqueFd open(const char* address = kHost, int port = 80) const {
    return connect_to(client.get(), address, port);
  }
  [[nodiscard]] UniqueFd flow(int port) const { return connect_to(client.get(), kHost, port, SOCK_DGRAM); }
  // Who answers `count` new connections, one after the other: how often each.
  [[nodiscard]] std::map<char, int> ask(int count, const char* address = kHost, int port = 80) const {
    std::map<char, int> out;
    for (int i = 0; i < count; ++i) ++out[who_answers(open(address, port))];
    return out;
  }
};

}  // namespace shoji::test
