#include "netsetup/address/address.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {
Address ip(std::string_view text) {
  Result<Address> parsed = Address::parse(text);
  REQUIRE(parsed);
  return *parsed;
}
Prefix net_of(std::string_view text) {
  Result<Prefix> parsed = Prefix::parse(text);
  REQUIRE(parsed);
  return *parsed;
}
}  // namespace

TEST_CASE("addresses are read and printed as the RFCs have them") {
  for (std::string_view text : {"0.0.0.0", "10.88.0.1", "255.255.255.255", "::", "::1", "fd00:5a::1:0:2"})
    CHECK(ip(text).text() == text);
  CHECK(ip("FD00:0:0:0:0:0:0:1").text() == "fd00::1");
  for (std::string_view bad :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "fd00::1::2", "fe80::1%eth0", "x"})
    CHECK(Address::parse(bad).error().kind == Kind::kInvalid);
  CHECK(Address::parse(std::string_view("1.2.3.4\0x", 9)).error().kind == Kind::kInvalid);
}

TEST_CASE("addresses count on, over bytes and to the end of the family") {
  CHECK(ip("10.0.0.255").plus(1)->text() == "10.0.1.0");
  CHECK(ip("10.0.0.0").plus(65536)->text() == "10.1.0.0");
  CHECK_FALSE(ip("255.255.255.255").plus(1));
  CHECK(ip("fd00::ffff:ffff:ffff:ffff").plus(1)->text() == "fd00:0:0:1::");
  CHECK_FALSE(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1));
  CHECK(ip("10.0.0.1").distance_to(ip("10.0.1.1"), 100000) == 256);
  CHECK(ip("10.0.0.1").distance_to(ip("10.0.1.1"), 100) == 100);
  CHECK(ip("10.0.1.1").distance_to(ip("10.0.0.255"), 100) == 0);
  CHECK(ip("10.0.0.255").distance_to(ip("10.0.1.1"), 100) == 2);
  CHECK(ip("fd00::").distance_to(ip("fd01::"), ~uint64_t{0}) == ~uint64_t{0});
  CHECK(ip("fd00::ffff").distance_to(ip("fd00::1:0"), 1000) == 1);
}

TEST_CASE("prefixes know what they hold") {
  Prefix prefix = net_of("10.88.3.7/16");
  CHECK(prefix.text() == "10.88.3.7/16");
  CHECK(prefix.first().text() == "10.88.0.0");
  CHECK(prefix.last().text() == "10.88.255.255");
  CHECK(prefix.contains(ip("10.88.200.1")));
  CHECK_FALSE(prefix.contains(ip("10.89.0.0")));
  CHECK_FALSE(prefix.contains(ip("fd00::1")));
  CHECK(prefix.overlaps(net_of("10.88.128.0/24")));
  CHECK(net_of("10.88.128.0/24").overlaps(prefix));
  CHECK_FALSE(prefix.overlaps(net_of("10.89.0.0/16")));
  CHECK(net_of("fd00:5a::/64").last().text() == "fd00:5a::ffff:ffff:ffff:ffff");
  CHECK(net_of("0.0.0.0/0").contains(ip("8.8.8.8")));
  for (std::string_view bad :
       {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129", "/8"})
    CHECK(Prefix::parse(bad).error().kind == Kind::kInvalid);
}

TEST_CASE("MAC addresses") {
  CHECK(Mac::parse("02:5A:00:00:00:01")->text() == "02:5a:00:00:00:01");
  for (std::string_view bad : {"", "02:5a:00:00:00", "02-5a-00-00-00-01", "01:00:5e:00:00:01",
                               "00:00:00:00:00:00", "0g:00:00:00:00:01"})
    CHECK(Mac::parse(bad).error().kind == Kind::kInvalid);
  CHECK(mac_for(ip("10.88.0.2")).text() == "02:5a:0a:58:00:02");
  CHECK(mac_for(ip("fd00::1")) != mac_for(ip("fd00::2")));
}
