// What an operator asks of a network: curl from the host, from another partition and from another host reaches the right
// member, over both families, and the member sees who it is that asks.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"

using namespace shoji::test;

TEST_CASE("curl reaches a partition directly and by its published port, from everywhere") {
  std::string kind = GENERATE("bridge", "routed");
  INFO(kind);
  Farm farm(kind);
  farm.add("web1", {"--ip", "10.7.0.2", "--ip", "fd07::2", "-p", "8080:80"});
  int web2 = farm.add("web2", {"--ip", "10.7.0.3", "--ip", "fd07::3"});
  int here = farm.host.netns(), outside = farm.host.outside();

  CHECK(curl(here, url_of("10.7.0.2", 80)) == containing("web1 "));
  CHECK(curl(here, url_of("fd07::2", 80)) == containing("web1 "));
  CHECK(curl(web2, url_of("10.7.0.2", 80)) == "web1 10.7.0.3");
  CHECK(curl(web2, url_of("fd07::2", 80)) == "web1 fd07::3");
  CHECK(curl(outside, url_of("10.7.0.2", 80)) == "web1 192.0.2.9");
  CHECK(curl(outside, url_of("fd07::2", 80)) == "web1 2001:db8::9");

  CHECK(curl(here, url_of("127.0.0.1", 8080)) == containing("web1 "));
  CHECK(curl(here, url_of(kHost4, 8080)) == containing("web1 "));
  CHECK(curl(here, url_of(kHost6, 8080)) == containing("web1 "));
  CHECK(curl(outside, url_of(kHost4, 8080)) == "web1 192.0.2.9");
  CHECK(curl(outside, url_of(kHost6, 8080)) == "web1 2001:db8::9");
  CHECK(curl(web2, url_of(kHost4, 8080)) == containing("web1 "));
  CHECK(curl(web2, url_of(kHost6, 8080)) == containing("web1 "));
  // By its own published port it reaches itself.
  CHECK(curl(farm.netns("web1"), url_of(kHost4, 8080)) == containing("web1 "));
  CHECK(curl(farm.netns("web1"), url_of(kHost6, 8080)) == containing("web1 "));
  CHECK(curl(outside, url_of(kHost4, 8081)) == "curl: exit 7");
}

TEST_CASE("a range, UDP, and an address of the host") {
  Farm farm;
  farm.add("web1", {"-p", "9000-9001:80-81", "-p", "5300:53/udp", "-p", "192.0.2.1:7000:80", "-p",
                    "127.0.0.1:7001:80"});
  int here = farm.host.netns(), outside = farm.host.outside();
  for (int port : {9000, 9001, 7000}) CHECK(ask(outside, kHost4, port) == "web1 192.0.2.9");
  CHECK(ask(outside, kHost6, 9001) == "web1 2001:db8::9");
  CHECK(ask(outside, kHost4, 9002).empty());
  CHECK(ask_udp(outside, kHost4, 5300) == "web1 192.0.2.9");
  CHECK(ask_udp(outside, kHost6, 5300) == "web1 2001:db8::9");
  CHECK(ask_udp(here, "127.0.0.1", 5300) == containing("web1 "));
  CHECK(ask(outside, kHost4, 5300).empty());  // only UDP
  CHECK(ask(outside, kHost6, 7000).empty());  // that address only
  CHECK(ask(here, "127.0.0.1", 7000).empty());
  CHECK(ask(outside, kHost4, 7001).empty());
  CHECK(ask(here, "127.0.0.1", 7001) == containing("web1 "));
}

TEST_CASE("a partition's way out has the host's address, and none where the network says so") {
  PrivateHost host;
  Server server(host.outside(), "outside", {"80", "53/udp"});
  host.must({"network", "create", "--subnet", "10.7.0.0/24", "--subnet", "fd07::/64", "nat"});
  host.must({"network", "create", "--subnet", "10.8.0.0/24", "--subnet", "fd08::/64", "--no-nat", "flat"});
  host.must({"network", "create", "--subnet", "10.9.0.0/24", "--subnet", "fd09::/64", "--internal", "inner"});
  for (const char* network : {"nat", "flat", "inner"})
    host.must({"network", "attach", "--make", network, network});
  UniqueFd nat = host.partition("nat"), flat = host.partition("flat"), inner = host.partition("inner");
  CHECK(ask(nat.get(), kOutside4, 80) == "outside 192.0.2.1");
  CHECK(ask(nat.get(), kOutside6, 80) == "outside 2001:db8::1");
  CHECK(ask_udp(nat.get(), kOutside4, 53) == "outside 192.0.2.1");
  CHECK(ask(flat.get(), kOutside4, 80) == "outside 10.8.0.2");
  CHECK(ask(flat.get(), kOutside6, 80) == "outside fd08::2");
  CHECK(ask(inner.get(), kOutside4, 80, 0.1).empty());
  CHECK(ask(inner.get(), kOutside6, 80, 0.1).empty());
}

TEST_CASE("isolated networks do not reach each other, those on one network do") {
  PrivateHost host;
  host.must({"network", "create", "--subnet", "10.7.0.0/24", "open"});
  host.must({"network", "create", "--subnet", "10.8.0.0/24", "--isolated", "closed"});
  host.must({"network", "attach", "--make", "--ip", "10.7.0.2", "a", "open"});
  host.must({"network", "attach", "--make", "--ip", "10.8.0.2", "-p", "8080:80", "b", "closed"});
  host.must({"network", "attach", "--make", "--ip", "10.8.0.3", "c", "closed"});
  UniqueFd a = host.partition("a"), b = host.partition("b"), c = host.partition("c");
  Server sa(a.get(), "a", {"80"}), sb(b.get(), "b", {"80"});
  CHECK(ask(c.get(), "10.8.0.2", 80) == "b 10.8.0.3");
  CHECK(ask(a.get(), "10.8.0.2", 80, 0.1).empty());
  CHECK(ask(b.get(), "10.7.0.2", 80, 0.1).empty());
  CHECK(ask(a.get(), kHost4, 8080) == containing("b "));  // what is published is for everybody
}
