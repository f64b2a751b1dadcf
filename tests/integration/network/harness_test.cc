// The tests' own tools: a host with another one beside it, and who may speak to whom.
#include <unistd.h>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/frames.h"
#include "tests/integration/network/interrupted.h"
#include "tests/integration/network/peers.h"
#include "tests/integration/network/private_host.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("a private host and the one outside reach each other, and nobody else") {
  PrivateHost host;
  Server server(host.outside(), "outside", {"80", "53/udp"});
  for (const char* address : {kOutside4, kOutside6}) {
    bool four = address == kOutside4;
    std::string answer = four ? "outside 192.0.2.1" : "outside 2001:db8::1";
    CHECK(ask(host.netns(), address, 80) == answer);
    CHECK(ask_udp(host.netns(), address, 53) == answer);
    CHECK(curl(host.netns(), url_of(address, 80)) == answer);
  }
  CHECK(ask(host.netns(), kOutside4, 81).empty());
  CHECK(curl(host.netns(), url_of(kOutside4, 81)) == "curl: exit 7");
  CHECK(curl(host.netns(), url_of(kOutside4, 80, "/bytes/1000000")).size() == 1000000);
  Connection connection(host.netns(), kOutside4, 80);
  for (int i = 0; i < 3; ++i) CHECK(connection.ask() == "outside 192.0.2.1");
  // The machine's own way out is not this host's.
  CHECK(curl(host.netns(), "http://198.51.100.1/") == "curl: exit 7");
}

TEST_CASE("verbs on a private host see its own directories, and what they leave is found") {
  PrivateHost host;
  CHECK(host.must({"network", "ls", "--no-heading"}).empty());
  CHECK(host.leftovers().empty());
  nft("add table inet shoji; add set inet shoji x { type ipv4_addr; elements = { 10.0.0.1 }; }; add table ip "
      "foreign");
  CHECK(host.leftovers() == containing("nft shoji:"));
  CHECK(nft("list ruleset") == containing("foreign"));
  nft("delete table inet shoji");
  CHECK(host.leftovers().empty());
}

TEST_CASE("frames made by hand are seen on the other end, and taken for what they say") {
  PrivateHost host;
  Wire here(host.netns(), "outside0"), there(host.outside(), "eth0");
  std::string other = "02:00:00:00:00:77";
  here.send(ip_frame(there.mac(), here.mac(), kOutside4, "192.0.2.55", "four"));
  here.send(ip_frame(there.mac(), here.mac(), kOutside6, "2001:db8::55", "six"));
  here.send(arp_frame(kEveryone, other, kHost4, other, "arp"));
  here.send(neighbour_frame("33:33:00:00:00:01", other, "fe80::77", kHost6, other, "neighbour"));
  here.send(router_frame("33:33:00:00:00:01", other, "fe80::77", "router"));
  CHECK(there.marks_until("router") == std::set<std::string>{"four", "six", "arp", "neighbour", "router"});
  // The kernel believes them: a default route comes of the last one.
  CHECK(eventually([&] {
    Command c;
    c.argv = {"/usr/sbin/ip", "-6", "route", "show", "default", "proto", "ra"};
    c.namespaces = {host.outside()};
    return must_run(c) == containing("via fe80::77");
  }));
}

TEST_CASE("a program is killed at each of its system calls, and told when it ends before", "[native]") {
  TemporaryDirectory directory;
  std::string path = directory.path() + "/file";
  Command c;
  c.argv = {"/bin/sh", "-c", "echo first >" + path + "; echo second >>" + path};
  size_t moments = moments_of(c);
  CHECK(moments > 20);
  std::set<std::string> seen;
  for (size_t i = 0; i < moments; ++i) {
    unlink(path.c_str());
    CHECK(kill_at(c, i));
    seen.insert(read_text(path));
  }
  CHECK(seen == std::set<std::string>{"", "first\n", "first\nsecond\n"});
  CHECK_FALSE(kill_at(c, moments));
}
