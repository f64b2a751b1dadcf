// A host, two partitions on a bridge and a client outside, each in a network namespace that the test makes; real
// connections through the rules that the kernel has.
#include "netsetup/firewall/firewall.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "base/io.h"
#include "netsetup/link/requests.h"
#include "netsetup/netns/netns.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using shoji::test::inside;
using shoji::test::new_network;

namespace {

Address ip(const char* text) {
  return *Address::parse(text);
}

struct Endpoint {
  addrinfo* info = nullptr;
  Endpoint(const char* address, int port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    getaddrinfo(address, cat(port).c_str(), &hints, &info);
  }
  ~Endpoint() { freeaddrinfo(info); }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
};

// Listens on [::]:port, both families, and answers each connection with "NAME PEER"; ends with its parent's pipe.
pid_t serve(int netns, int port, const std::string& name) {
  UniqueFd server = inside(netns, [&] {
    UniqueFd made(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int one = 1;
    setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(static_cast<uint16_t>(port));
    if (bind(made.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) made.reset();
    return made;
  });
  if (!server || listen(server.get(), 64) != 0) return -1;
  pid_t pid = fork();
  if (pid != 0) return pid;
  while (true) {
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    UniqueFd connection(accept(server.get(), reinterpret_cast<sockaddr*>(&peer), &size));
    Address from = IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr)
                       ? Address::from_bytes(Family::kIpv4, peer.sin6_addr.s6_addr + 12)
                       : Address::from_bytes(Family::kIpv6, peer.sin6_addr.s6_addr);
    (void)write_all(connection.get(), cat(name, ' ', from.text()), "connection");
  }
}

// What the server behind `address` says to a client in `netns`; "" when there is no connection within a second.
std::string ask(int netns, const char* address, int port) {
  return inside(netns, [&] {
    Endpoint target(address, port);
    UniqueFd client(socket(target.info->ai_family, SOCK_STREAM, 0));
    timeval patience{.tv_sec = 1, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(client.get(), target.info->ai_addr, target.info->ai_addrlen) != 0) return std::string();
    Result<std::string> said = read_fd(client.get(), "answer");
    return said ? *said : std::string();
  });
}

// The scene: host 10.7.0.1/fd07::1 on br0, partitions .2 and .3, and outside of it a client 192.0.2.9 behind 192.0.2.1.
struct Scene {
  UniqueFd host = new_network(), client = new_network();
  UniqueFd partition[2] = {new_network(), new_network()};
  std::vector<pid_t> servers;
  std::vector<FirewallNetwork> networks;
  std::vector<FirewallEndpoint> endpoints;

  Scene() {
    inside(host.get(), [&] {
      RouteSocket here = *RouteSocket::open();
      Batch batch;
      add_bridge(batch, "br0", {.mac = *Mac::parse("02:5a:00:00:00:01")});
      add_veth(batch, {.name = "outside", .mac = {}},
               {.name = "eth0", .mac = {}, .index = 2, .netns = client.get()}, {});
      REQUIRE(batch.send(here));
      add_address(batch, *here.index_of("br0"), *Prefix::parse("10.7.0.1/24"));
      add_address(batch, *here.index_of("br0"), *Prefix::parse("fd07::1/64"));
      add_address(batch, *here.index_of("outside"), *Prefix::parse("192.0.2.1/24"));
      add_address(batch, *here.index_of("outside"), *Prefix::parse("2001:db8::1/64"));
      REQUIRE(batch.send(here));
      for (int i = 0; i < 2; ++i) attach(here, i);
      for (const char* path : {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding",
                               "/proc/sys/net/ipv4/conf/br0/route_localnet"})
        REQUIRE(write_kernel_file(path, "1"));
      return 0;
    });
    configure(client.get(), {"192.0.2.9/24", "2001:db8::9/64"}, {"192.0.2.1", "2001:db8::1"});
    for (int i = 0; i < 2; ++i) servers.push_back(serve(partition[i].get(), 80, cat('p', i + 2)));
    servers.push_back(serve(client.get(), 80, "outside"));
    networks = {{.name = "web",
                 .interface = "br0",
                 .subnets = {*Prefix::parse("10.7.0.0/24"), *Prefix::parse("fd07::/64")}}};
  }
  ~Scene() {
    for (pid_t pid : servers) {
      if (pid <= 0) continue;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  void attach(RouteSocket& here, int i) {
    std::string name = cat("sj0a07000", i + 2);
    Mac mac = *Mac::parse(cat("02:5a:0a:07:00:0", i + 2));
    Batch batch;
    add_veth(batch, {.name = name, .mac = {}},
             {.name = "eth0", .mac = mac, .index = 2, .netns = partition[i].get()},
             {.master = *here.index_of("br0")});
    set_hairpin(batch, name);
    REQUIRE(batch.send(here));
    configure(partition[i].get(), {cat("10.7.0.", i + 2, "/24").c_str(), cat("fd07::", i + 2, "/64").c_str()},
              {"10.7.0.1", "fd07::1"});
    endpoints.push_back(
        {.partition = cat('p', i + 2),
         .network = "web",
         .host_interface = name,
         .mac = mac,
         .addresses = {*Address::parse(cat("10.7.0.", i + 2)), *Address::parse(cat("fd07::", i + 2))},
         .ports = {},
         .rules = {}});
  }
  static void configure(int netns, const std::vector<std::string>& addresses,
                        const std::vector<const char*>& gateways) {
    RouteSocket there = *RouteSocket::open_in(netns);
    Batch batch;
    change_link(batch, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring up eth0");
    for (const std::string& address : addresses) add_address(batch, 2, *Prefix::parse(address));
    for (const char* gateway : gateways)
      add_route(batch, 2,
                {.destination = *Prefix::parse(ip(gateway).family() == Family::kIpv4 ? "0.0.0.0/0" : "::/0"),
                 .gateway = ip(gateway)});
    REQUIRE(batch.send(there));
  }
  // Runs `body` with a firewall in the host's namespace.
  template <typename Body>
  void with_firewall(Body body) {
    inside(host.get(), [&] {
      Result<Firewall> firewall = Firewall::open();
      REQUIRE(firewall);
      REQUIRE(firewall->ensure(networks));
      body(*firewall);
      return 0;
    });
  }
};

void need(const Result<>& result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
}

}  // namespace

TEST_CASE(
    "published ports are reached from outside, from the host and from partitions, with the right source") {
  Scene scene;
  scene.endpoints[0].ports = {*parse_published_port("8080:80"),
                              *parse_published_port("192.0.2.1:9000-9001:80-81")};
  scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 8080) == "p2 192.0.2.9");
  // Routers and neighbours take a moment to find each other over IPv6.
  std::string answer;
  for (int i = 0; i < 10 && answer.empty(); ++i) answer = ask(scene.client.get(), "2001:db8::1", 8080);
  CHECK(answer == "p2 2001:db8::9");
  CHECK(ask(scene.client.get(), "192.0.2.1", 9000) == "p2 192.0.2.9");
  CHECK(ask(scene.client.get(), "192.0.2.1", 9001).empty());  // nobody listens on 81
  CHECK(ask(scene.client.get(), "192.0.2.1", 8081).empty());
  CHECK(ask(scene.host.get(), "127.0.0.1", 8080) == "p2 10.7.0.1");
  CHECK(ask(scene.host.get(), "192.0.2.1", 8080).starts_with("p2 "));
  CHECK(ask(scene.partition[1].get(), "192.0.2.1", 8080) == "p2 10.7.0.1");  // hairpin
  CHECK(ask(scene.partition[0].get(), "10.7.0.1", 8080) == "p2 10.7.0.1");   // to itself
  CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80) == "p2 10.7.0.3");
  CHECK(ask(scene.partition[1].get(), "192.0.2.9", 80) == "outside 192.0.2.1");  // NAT
  CHECK(ask(scene.partition[1].get(), "2001:db8::9", 80) == "outside 2001:db8::1");
  scene.with_firewall([&](Firewall& firewall) { need(firewall.remove(scene.endpoints)); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 8080).empty());
}

TEST_CASE("a partition can only use its own addresses") {
  Scene scene;
  scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
  CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80) == "p2 10.7.0.3");
  RouteSocket there = *RouteSocket::open_in(scene.partition[1].get());
  Batch batch;
  remove_address(batch, 2, *Prefix::parse("10.7.0.3/24"));
  add_address(batch, 2, *Prefix::parse("10.7.0.99/24"));
  remove_address(batch, 2, *Prefix::parse("fd07::3/64"));
  add_address(batch, 2, *Prefix::parse("fd07::99/64"));
  need(batch.send(there));
  CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80).empty());
  CHECK(ask(scene.partition[1].get(), "fd07::2", 80).empty());
}

TEST_CASE("a partition's rules, internal and isolated networks") {
  Scene scene;
  SECTION("rules") {
    scene.endpoints[0].ports = {*parse_published_port("8080:80")};
    scene.endpoints[0].rules = {{.allow = true,
                                 .incoming = true,
                                 .peer = *Prefix::parse("10.7.0.0/24"),
                                 .protocol = Protocol::kTcp,
                                 .first_port = 80},
                                {.allow = false, .incoming = true, .peer = {}, .protocol = {}}};
    scene.endpoints[1].rules = {
        {.allow = false, .incoming = false, .peer = *Prefix::parse("192.0.2.0/24"), .protocol = {}}};
    scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
    CHECK(ask(scene.client.get(), "192.0.2.1", 8080).empty());
    CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80) == "p2 10.7.0.3");
    CHECK(ask(scene.partition[1].get(), "192.0.2.9", 80).empty());
    CHECK(ask(scene.partition[1].get(), "2001:db8::9", 80) == "outside 2001:db8::1");
    scene.with_firewall([&](Firewall& firewall) { need(firewall.remove(scene.endpoints)); });
    CHECK(ask(scene.partition[1].get(), "192.0.2.9", 80) == "outside 192.0.2.1");
  }
  SECTION("internal: no way out, but published ports lead in") {
    scene.networks[0].internal = true;
    scene.endpoints[0].ports = {*parse_published_port("8080:80")};
    scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
    CHECK(ask(scene.partition[1].get(), "192.0.2.9", 80).empty());
    CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80) == "p2 10.7.0.3");
    CHECK(ask(scene.client.get(), "10.7.0.2", 80).empty());
    CHECK(ask(scene.client.get(), "192.0.2.1", 8080) == "p2 192.0.2.9");
  }
}

TEST_CASE("rules hold between partitions of one bridge, and answers pass them") {
  Scene scene;
  for (const char* peer : {"10.7.0.0/24", "fd07::/64"})
    scene.endpoints[0].rules.push_back(
        {.allow = false, .incoming = true, .peer = *Prefix::parse(peer), .protocol = {}});
  scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
  CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80).empty());
  CHECK(ask(scene.partition[1].get(), "fd07::2", 80).empty());
  CHECK(ask(scene.partition[0].get(), "10.7.0.3", 80) == "p3 10.7.0.2");
  CHECK(ask(scene.partition[0].get(), "fd07::3", 80) == "p3 fd07::2");
  FirewallEndpoint open = scene.endpoints[0];
  open.rules.clear();
  scene.with_firewall([&](Firewall& firewall) { need(firewall.replace(scene.endpoints[0], open)); });
  CHECK(ask(scene.partition[1].get(), "10.7.0.2", 80) == "p2 10.7.0.3");
}

TEST_CASE("a virtual service spreads connections over its members, and a change touches new ones only") {
  Scene scene;
  scene.with_firewall([&](Firewall& firewall) { need(firewall.add(scene.endpoints)); });
  VirtualService service{.name = "site", .port = *parse_published_port("80:80"), .members = {}};
  for (int i = 0; i < 2; ++i)
    service.members.push_back(
        {.partition = scene.endpoints[i].partition, .address = scene.endpoints[i].addresses[0], .port = 80});
  std::vector<std::string> slots;
  scene.with_firewall([&](Firewall& firewall) {
    Result<std::vector<std::string>> made = firewall.add_service(service);
    REQUIRE(made);
    slots = *made;
  });
  std::map<std::string, int> answers;
  for (int i = 0; i < 20; ++i) ++answers[ask(scene.client.get(), "192.0.2.1", 80)];
  CHECK(answers == std::map<std::string, int>{{"p2 192.0.2.9", 10}, {"p3 192.0.2.9", 10}});
  CHECK(ask(scene.host.get(), "127.0.0.1", 80).starts_with('p'));
  CHECK(ask(scene.partition[0].get(), "10.7.0.1", 80).starts_with('p'));

  service.members[0].healthy = false;
  scene.with_firewall([&](Firewall& firewall) { slots = *firewall.change_service(service, slots); });
  for (int i = 0; i < 5; ++i) CHECK(ask(scene.client.get(), "192.0.2.1", 80) == "p3 192.0.2.9");
  service.members[1].weight = 0;
  scene.with_firewall([&](Firewall& firewall) { slots = *firewall.change_service(service, slots); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 80).empty());
  service.members[0].healthy = true;
  scene.with_firewall([&](Firewall& firewall) { slots = *firewall.change_service(service, slots); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 80) == "p2 192.0.2.9");
  scene.with_firewall([&](Firewall& firewall) { need(firewall.remove_service(service)); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 80).empty());
}

TEST_CASE("a transaction that does not work changes nothing, and the tables go without a trace") {
  Scene scene;
  scene.endpoints[0].ports = {*parse_published_port("8080:80")};
  scene.endpoints[1].ports = {*parse_published_port("8080:80")};  // the same key leads elsewhere
  scene.with_firewall([&](Firewall& firewall) {
    Result<> added = firewall.add(scene.endpoints);
    REQUIRE_FALSE(added);
    CHECK(added.error().text == "add to the firewall: inet shoji, everywhere4 { tcp . 8080 }: File exists");
    need(firewall.add({scene.endpoints[0]}));
    need(firewall.ensure(scene.networks));
  });
  CHECK(ask(scene.client.get(), "192.0.2.1", 8080) == "p2 192.0.2.9");
  scene.with_firewall([&](Firewall& firewall) { need(firewall.remove_tables()); });
  CHECK(ask(scene.client.get(), "192.0.2.1", 8080).empty());
}

TEST_CASE("networks that lie side by side") {
  UniqueFd host = new_network();
  std::vector<FirewallNetwork> networks;
  for (const char* subnet : {"10.77.0.0/16", "10.78.0.0/16", "10.79.0.0/24", "fd07::/64", "fd07:0:0:1::/64"})
    networks.push_back({.name = subnet, .interface = "br0", .subnets = {*Prefix::parse(subnet)}});
  inside(host.get(), [&] {
    Result<Firewall> firewall = Firewall::open();
    REQUIRE(firewall);
    for (size_t count = 0; count <= networks.size(); ++count) {
      std::vector<FirewallNetwork> some(networks.begin(), networks.begin() + static_cast<ptrdiff_t>(count));
      if (count == 2) need(firewall->remove_tables());
      need(firewall->ensure(some));
      need(firewall->set_networks(some));
    }
    return 0;
  });
}
