#include "netsetup/network/free_subnet.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

std::vector<Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> out;
  for (const char* text : texts) out.push_back(Prefix::parse(text).value());
  return out;
}

std::string free_beside(std::initializer_list<const char*> texts) {
  auto found = free_ipv4_subnet(prefixes(texts));
  return found ? found->text() : found.error().text;
}

}  // namespace

TEST_CASE("the first subnet that nobody has is given") {
  CHECK(free_beside({}) == "10.89.0.0/24");
  CHECK(free_beside({"10.89.0.0/24", "fd00::/8"}) == "10.89.1.0/24");
  CHECK(free_beside({"10.89.0.0/16"}) == "10.90.0.0/24");
  CHECK(free_beside({"10.89.0.200/32", "10.89.1.77/30"}) == "10.89.2.0/24");
  CHECK(free_beside({"10.0.0.0/8"}) == "192.168.100.0/24");
  CHECK(free_beside({"10.0.0.0/8", "192.168.0.0/16"}).starts_with("every /24 from 10.89.0.0"));
}

TEST_CASE("a free IPv6 subnet is a random one of unique local addresses") {
  auto one = free_ipv6_subnet({}), other = free_ipv6_subnet({});
  REQUIRE(one);
  REQUIRE(other);
  CHECK(one->length == 64);
  CHECK(one->address == one->first());
  CHECK(Prefix::parse("fd00::/8")->contains(one->address));
  CHECK(one->address != other->address);
  CHECK_FALSE(free_ipv6_subnet(prefixes({"fd00::/8"})));
}

TEST_CASE("the kernel's tables of routes are read") {
  std::vector<Prefix> four = parse_ipv4_routes(
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
      "tun0\t0000590A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n");
  CHECK(four == prefixes({"192.168.2.0/24", "10.89.0.0/16"}));
  std::vector<Prefix> six = parse_ipv6_routes(
      "fd120000000000000000000000000000 40 00000000000000000000000000000000 00 "
      "00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n"
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
      "fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n"
      "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 "
      "00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n");
  CHECK(six == prefixes({"fd12::/64"}));
  CHECK(parse_ipv6_routes("garbage\n\n").empty());
}

TEST_CASE("the host's addresses are among what it reaches") {
  auto found = host_prefixes();
  REQUIRE(found);
  for (const Prefix& prefix : *found) {
    CHECK(prefix.length != 0);
    CHECK_FALSE(prefix.address.is_loopback());
  }
}
