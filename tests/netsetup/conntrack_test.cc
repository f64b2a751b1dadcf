// Real connections in a network namespace that the test makes, which the firewall's rules let the kernel track.
#include "netsetup/conntrack/conntrack.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "netsetup/firewall/firewall.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using shoji::test::inside;
using shoji::test::new_network;

namespace {

sockaddr_in6 mapped(const char* text, int port) {
  Address address = *Address::parse(text);
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(static_cast<uint16_t>(port));
  if (address.family() == Family::kIpv6) {
    memcpy(out.sin6_addr.s6_addr, address.bytes(), 16);
  } else {
    memset(out.sin6_addr.s6_addr + 10, 0xff, 2);
    memcpy(out.sin6_addr.s6_addr + 12, address.bytes(), 4);
  }
  return out;
}

UniqueFd socket_at(int type, const char* address, int port) {
  UniqueFd out(socket(AF_INET6, type | SOCK_CLOEXEC, 0));
  int one = 1, zero = 0;
  setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(out.get(), SOL_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  sockaddr_in6 where = mapped(address, port);
  REQUIRE(bind(out.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  return out;
}

struct Pair {
  UniqueFd client, server;
};

Pair connect_to(int listener, const char* from, const char* to, int port) {
  Pair out{.client = socket_at(SOCK_STREAM, from, 0), .server = {}};
  sockaddr_in6 where = mapped(to, port);
  REQUIRE(connect(out.client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  out.server = UniqueFd(accept(listener, nullptr, nullptr));
  REQUIRE(out.server);
  return out;
}

void tell(int fd, const char* to, int port) {
  sockaddr_in6 where = mapped(to, port);
  REQUIRE(sendto(fd, "x", 1, 0, reinterpret_cast<sockaddr*>(&where), sizeof where) == 1);
}

std::vector<size_t> count(const std::vector<ConnectionTarget>& targets) {
  Result<std::vector<size_t>> out = count_connections(targets);
  INFO((out ? "" : out.error().text));
  REQUIRE(out);
  return *out;
}

// Runs `body` in a namespace with the firewall's table, and [fd07::1..2] on lo.
template <typename Body>
void tracked(Body body) {
  UniqueFd netns = new_network();
  inside(netns.get(), [&] {
    RouteSocket here = *RouteSocket::open();
    Batch batch;
    for (const char* address : {"fd07::1/128", "fd07::2/128"})
      add_address(batch, kLoopbackIndex, *Prefix::parse(address));
    REQUIRE(batch.send(here));
    REQUIRE(Firewall::open()->ensure({}));
    body();
    return 0;
  });
}

ConnectionTarget target(const char* address, uint16_t port, Protocol protocol = Protocol::kTcp) {
  return {.address = *Address::parse(address), .port = port, .protocol = protocol};
}

}  // namespace

TEST_CASE("open connections are counted where they lead to") {
  tracked([] {
    CHECK(count({target("127.0.0.2", 80)}) == std::vector<size_t>{0});
    UniqueFd four = socket_at(SOCK_STREAM, "127.0.0.2", 80);
    UniqueFd six = socket_at(SOCK_STREAM, "fd07::2", 80);
    REQUIRE(listen(four.get(), 8) == 0);
    REQUIRE(listen(six.get(), 8) == 0);
    std::vector<Pair> open;
    for (int i = 0; i < 3; ++i) open.push_back(connect_to(four.get(), "127.0.0.1", "127.0.0.2", 80));
    open.push_back(connect_to(six.get(), "fd07::1", "fd07::2", 80));
    std::vector<ConnectionTarget> targets = {target("127.0.0.2", 80), target("fd07::2", 80),
                                             target("127.0.0.2", 0), target("127.0.0.2", 81),
                                             target("127.0.0.1", 0)};
    CHECK(count(targets) == std::vector<size_t>{3, 1, 3, 0, 0});
    CHECK(count({targets[0]}) == std::vector<size_t>{3});
    CHECK(count({targets[0], targets[3]}) == std::vector<size_t>{3, 0});
    // Half closed is open; closed by both is not, although the kernel remembers it for two minutes.
    open[0].client.reset();
    CHECK(count({targets[0]}) == std::vector<size_t>{3});
    open[0].server.reset();
    CHECK(count({targets[0]}) == std::vector<size_t>{2});
    // Reset.
    linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(open[1].client.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    open[1].client.reset();
    CHECK(count({targets[0]}) == std::vector<size_t>{1});
  });
}

TEST_CASE("UDP counts as long as the kernel remembers it, and is forgotten with either of its addresses") {
  tracked([] {
    UniqueFd server = socket_at(SOCK_DGRAM, "127.0.0.2", 53);
    UniqueFd client = socket_at(SOCK_DGRAM, "127.0.0.1", 5000);
    UniqueFd other = socket_at(SOCK_DGRAM, "127.0.0.3", 5000);
    UniqueFd six = socket_at(SOCK_DGRAM, "fd07::1", 5000);
    UniqueFd six_server = socket_at(SOCK_DGRAM, "fd07::2", 53);
    auto send_all = [&] {
      tell(client.get(), "127.0.0.2", 53);
      tell(other.get(), "127.0.0.2", 53);
      tell(six.get(), "fd07::2", 53);
    };
    std::vector<ConnectionTarget> targets = {target("127.0.0.2", 53, Protocol::kUdp),
                                             target("fd07::2", 53, Protocol::kUdp), target("127.0.0.2", 53)};
    send_all();
    CHECK(count(targets) == std::vector<size_t>{2, 1, 0});
    std::vector<Address> gone = {*Address::parse("127.0.0.3")};
    REQUIRE(forget_connections(gone));
    CHECK(count(targets) == std::vector<size_t>{1, 1, 0});
    gone = {*Address::parse("fd07::2"), *Address::parse("10.1.2.3")};
    REQUIRE(forget_connections(gone));
    CHECK(count(targets) == std::vector<size_t>{1, 0, 0});
    send_all();
    // Many at once.
    gone.clear();
    for (int i = 0; i < 20; ++i) gone.push_back(*Address::parse(cat("10.1.2.", i)));
    gone.push_back(*Address::parse("127.0.0.2"));
    REQUIRE(forget_connections(gone));
    CHECK(count(targets) == std::vector<size_t>{0, 1, 0});
    REQUIRE(forget_connections({}));
  });
}
