// Two partitions on a bridge, each in a network namespace, that send each other datagrams.
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

constexpr size_t kPayload = 972;  // bytes; with the headers of UDP and IPv4 a packet of 1000

struct Bridge {
  UniqueFd host = new_network();
  UniqueFd partition[2] = {new_network(), new_network()};
  UniqueFd socket_of[2];
  std::vector<FirewallEndpoint> endpoints;

  Bridge() {
    // So that nothing but what the test sends is on the wire.
    for (int netns : {host.get(), partition[0].get(), partition[1].get()})
      inside(netns, [&] { return write_kernel_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"); });
    inside(host.get(), [&] {
      RouteSocket here = *RouteSocket::open();
      Batch batch;
      add_bridge(batch, "br0", {.mac = {}});
      REQUIRE(batch.send(here));
      for (int i = 0; i < 2; ++i) attach(here, i);
      return 0;
    });
    for (int i = 0; i < 2; ++i)
      socket_of[i] = inside(partition[i].get(), [&] {
        UniqueFd out(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in any = address(0);
        any.sin_addr.s_addr = INADDR_ANY;
        REQUIRE(bind(out.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
        timeval patience{.tv_sec = 0, .tv_usec = 300000};
        setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        return out;
      });
  }
  void attach(RouteSocket& here, int i) {
    std::string name = cat("sj0a07000", i + 2);
    Batch batch;
    Mac mac = *Mac::parse(cat("02:5a:0a:07:00:0", i + 2));
    add_veth(batch, {.name = name, .mac = {}},
             {.name = "eth0", .mac = mac, .index = 2, .netns = partition[i].get()},
             {.master = *here.index_of("br0")});
    REQUIRE(batch.send(here));
    RouteSocket there = *RouteSocket::open_in(partition[i].get());
    change_link(batch, 2, {.up = true, .mac = {}, .mtu = {}, .master = {}, .name = {}}, "bring up eth0");
    add_address(batch, 2, *Prefix::parse(cat("10.7.0.", i + 2, "/24")));
    REQUIRE(batch.send(there));
    endpoints.push_back({.partition = cat('p', i),
                         .network = "web",
                         .host_interface = name,
                         .mac = mac,
                         .addresses = {*Address::parse(cat("10.7.0.", i + 2))},
                         .ports = {},
                         .rules = {}});
  }
  static sockaddr_in address(int i) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(9);
    out.sin_addr.s_addr = htonl(0x0a070002U + static_cast<uint32_t>(i));
    return out;
  }
  // Sends `count` packets of 1000 bytes to the other one: how many arrive.
  int send(int from, int count) {
    std::string payload(kPayload, 'x');
    sockaddr_in to = address(1 - from);
    int arrived = 0;
    for (int i = 0; i < count; ++i) {
      if (sendto(socket_of[from].get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to),
                 sizeof to) < 0)
        continue;
      char buffer[2048];
      if (recv(socket_of[1 - from].get(), buffer, sizeof buffer, 0) == kPayload) ++arrived;
    }
    return arrived;
  }
  // Neighbours find each other, which may take a second, and nothing is left on its way.
  void meet() {
    for (int from : {0, 1}) {
      int arrived = 0;
      for (int i = 0; i < 20 && arrived == 0; ++i) arrived = send(from, 1);
      REQUIRE(arrived == 1);
    }
    char buffer[2048];
    for (UniqueFd& socket : socket_of)
      while (recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
      }
  }
  template <typename Body>
  void with_firewall(Body body) {
    inside(host.get(), [&] {
      Result<Firewall> firewall = Firewall::open();
      REQUIRE(firewall);
      body(*firewall);
      return 0;
    });
  }
  // How far the quota is ahead of what its interface has counted, as the quota counts it.
  uint64_t ahead() {
    uint64_t sum = 0, before = 0;
    do {  // the bridge speaks for itself now and then
      before = used();
      sum = counted();
    } while (used() != before);
    return before - sum;
  }
  uint64_t counted() {
    return inside(host.get(), [&] {
      rtnl_link_stats64 sums = *RouteSocket::open()->statistics_of(endpoints[0].host_interface);
      return sums.rx_bytes - 14 * sums.rx_packets + sums.tx_bytes;
    });
  }
  uint64_t used() {
    uint64_t out = 0;
    with_firewall([&](Firewall& firewall) {
      Result<std::vector<QuotaReading>> found = firewall.read_quotas();
      REQUIRE(found);
      REQUIRE(found->size() == 1);
      CHECK(found->front().partition == "p0");
      out = found->front().used;
    });
    return out;
  }
};

void need(const Result<>& result) {
  INFO((result ? "" : result.error().text));
  REQUIRE(result);
}

PartitionQuota quota_of(const Bridge& bridge, uint64_t used, uint64_t limit) {
  return {.partition = "p0",
          .interfaces = {bridge.endpoints[0].host_interface},
          .used = used,
          .limit = limit,
          .until = std::chrono::system_clock::now() + std::chrono::hours(1)};
}

}  // namespace

TEST_CASE("a quota counts both directions of bridged traffic to the byte, and then nothing passes") {
  Bridge bridge;
  bridge.meet();
  bridge.with_firewall([&](Firewall& firewall) {
    need(firewall.ensure({}));
    need(firewall.add(bridge.endpoints));
    need(firewall.set_quota(quota_of(bridge, 500, 20000)));
  });
  uint64_t before = bridge.ahead();
  CHECK(bridge.send(0, 3) == 3);
  CHECK(bridge.send(1, 4) == 4);
  uint64_t used = bridge.used();
  CHECK(bridge.ahead() == before);
  CHECK(used >= 500 + 3 * 1000 + 4 * 1014);
  CHECK(used < 8500);
  // Endpoints that come and go, and the tables made anew, leave it as it is.
  bridge.with_firewall([&](Firewall& firewall) {
    need(firewall.remove({bridge.endpoints[1]}));
    need(firewall.add({bridge.endpoints[1]}));
    need(firewall.replace_all({}, bridge.endpoints, {}));
  });
  CHECK(bridge.used() >= used);
  CHECK(bridge.send(0, 20) <= 12);
  CHECK(bridge.send(0, 1) == 0);
  CHECK(bridge.send(1, 1) == 0);
  SECTION("until there is more of it") {
    bridge.with_firewall(
        [&](Firewall& firewall) { need(firewall.set_quota(quota_of(bridge, 20500, 40000))); });
    CHECK(bridge.send(0, 2) > 0);
  }
  SECTION("until the month is over") {
    PartitionQuota quota = quota_of(bridge, 30000, 20000);
    quota.until = std::chrono::system_clock::now() + std::chrono::seconds(2);
    bridge.with_firewall([&](Firewall& firewall) { need(firewall.set_quota(quota)); });
    CHECK(bridge.send(0, 1) == 0);
    int arrived = 0;
    for (int i = 0; i < 20 && arrived == 0; ++i) arrived = bridge.send(1, 1);
    CHECK(arrived == 1);
  }
  SECTION("until it is taken away, twice") {
    bridge.with_firewall([&](Firewall& firewall) {
      need(firewall.remove_quota("p0"));
      need(firewall.remove_quota("p0"));
      CHECK(firewall.read_quotas()->empty());
    });
    CHECK(bridge.send(0, 2) == 2);
  }
}

TEST_CASE("with a rate a used-up quota is slow instead of over") {
  Bridge bridge;
  bridge.meet();
  PartitionQuota quota = quota_of(bridge, 2000, 1000);
  quota.rate = 1000;
  bridge.with_firewall([&](Firewall& firewall) { need(firewall.set_quota(quota)); });
  // The bucket is full at first.
  CHECK(bridge.send(0, 250) >= 240);
  int arrived = bridge.send(1, 30);
  CHECK(arrived < 30);
  CHECK(arrived > 0);
}

TEST_CASE("a quota outlives the interface that it counted on") {
  Bridge bridge;
  bridge.with_firewall([&](Firewall& firewall) {
    need(firewall.set_quota(quota_of(bridge, 1000, 5000)));
    RouteSocket here = *RouteSocket::open();
    Batch batch;
    remove_link(batch, bridge.endpoints[0].host_interface);
    need(batch.send(here));
    CHECK(firewall.read_quotas()->front().used >= 1000);
    PartitionQuota quota = quota_of(bridge, 1000, 5000);
    quota.interfaces = {bridge.endpoints[1].host_interface};
    need(firewall.set_quota(quota));
    need(firewall.remove_quota("p0"));
    CHECK(firewall.read_quotas()->empty());
  });
}
