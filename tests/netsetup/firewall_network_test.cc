#include "netsetup/attach/attach.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

size_t known_subnets(std::string document) {
  auto network = parse_network(std::move(document), "test");
  REQUIRE(network);
  return firewall_network(*network).subnets.size();
}

}  // namespace

TEST_CASE("the firewall knows the subnets that are behind the host, not the LAN that a macvlan is on") {
  CHECK(known_subnets(R"({"name": "a", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}]})") ==
        2);
  CHECK(known_subnets(R"({"name": "a", "kind": "routed", "subnets": [{"subnet": "10.7.0.0/24"}]})") == 1);
  CHECK(
      known_subnets(
          R"({"name": "a", "kind": "macvlan", "parent": "eth0", "subnets": [{"subnet": "10.7.0.0/24"}]})") ==
      0);
}
