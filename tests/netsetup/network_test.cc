#include "netsetup/network/network.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {
Network load(std::string text) {
  Result<Network> network = parse_network(std::move(text), "web.json");
  INFO((network ? "" : network.error().text));
  REQUIRE(network);
  return *network;
}
std::string fault(std::string text) {
  Result<Network> network = parse_network(std::move(text), "web.json");
  REQUIRE_FALSE(network);
  CHECK(network.error().kind == Kind::kInvalid);
  return network.error().text;
}
}  // namespace

TEST_CASE("a network's document is read, completed and printed again") {
  Network network = load(R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24"},
    {"subnet": "fd07::/64", "gateway": "fd07::99", "rangeFirst": "fd07::100", "rangeLast": "fd07::1ff"}],
    "routes": [{"destination": "10.9.0.0/16", "gateway": "10.7.0.9"}], "dns": ["10.7.0.1"], "mtu": 1400, "labels": {"a": "b"}})");
  CHECK(network.kind == NetworkKind::kBridge);
  CHECK(network.subnets[0].gateway->text() == "10.7.0.1");
  CHECK(network.subnets[0].first_lease().text() == "10.7.0.1");
  CHECK(network.subnets[0].last_lease().text() == "10.7.0.254");
  CHECK(network.subnets[1].last_lease().text() == "fd07::1ff");
  CHECK(network.interface_name() == "sj-web");
  Network again = load(print_network(network));
  CHECK(print_network(again) == print_network(network));
  CHECK(again.subnets == network.subnets);
  CHECK(again.routes == network.routes);
}

TEST_CASE("names of interfaces fit, whatever the network is called") {
  Network network;
  network.name = "a-network-with-a-long-name";
  CHECK(network.interface_name().size() == 15);
  std::string first = network.interface_name();
  network.name = "a-network-with-a-long-nama";
  CHECK(network.interface_name() != first);
}

TEST_CASE("faults of a network's document are pointed at") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {R"({"name": "web"})", "web.json: /subnets: a network of kind bridge needs it"},
      {R"({"name": "host", "subnets": []})",
       "web.json: /name: \"host\" means something else where networks are named"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.1/24"}]})",
       "web.json: /subnets/0/subnet: 10.7.0.1/24 has bits behind its length; 10.7.0.0/24 is the network"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/31"}]})",
       "web.json: /subnets/0/subnet: 10.7.0.0/31 has no room for a gateway and a partition"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24", "gateway": "10.8.0.1"}]})",
       "web.json: /subnets/0/gateway: 10.8.0.1 is not in 10.7.0.0/24"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24", "rangeFirst": "10.7.0.9", "rangeLast": "10.7.0.3"}]})",
       "web.json: /subnets/0/rangeLast: 10.7.0.3 comes before 10.7.0.9"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/16"}, {"subnet": "10.7.3.0/24"}]})",
       "web.json: /subnets/1/subnet: 10.7.3.0/24 overlaps 10.7.0.0/16"},
      {R"({"name": "web", "subnets": [{"subnet": "fd07::/64"}], "mtu": 1000})",
       "web.json: /mtu: 1000 is not between 1280 and 65535"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24"}], "parent": "eth0"})",
       "web.json: /parent: it means nothing to a network of kind bridge"},
      {R"({"name": "web", "kind": "macvlan", "subnets": [{"subnet": "10.7.0.0/24"}]})",
       "web.json: /parent: a network of kind macvlan needs it"},
      {R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24", "gatewya": "10.7.0.1"}]})",
       "web.json: /subnets/0/gatewya: there is no such property"},
      {R"({"name": "web", "kind": "bridged"})",
       "web.json: /kind: expected one of bridge, routed, macvlan, cni, found a string"},
  };
  for (const Case& one : cases) CHECK(fault(one.text) == one.error);
}

TEST_CASE("subnets of different networks do not overlap") {
  Network web = load(R"({"name": "web", "subnets": [{"subnet": "10.7.0.0/24"}]})");
  Network app =
      load(R"({"name": "app", "subnets": [{"subnet": "10.8.0.0/24"}, {"subnet": "10.7.0.128/25"}]})");
  CHECK(check_overlap(web, {web}));
  Result<> checked = check_overlap(app, {web});
  REQUIRE_FALSE(checked);
  CHECK(checked.error().text == "/subnets/1/subnet: 10.7.0.128/25 overlaps 10.7.0.0/24 of network \"web\"");
}
