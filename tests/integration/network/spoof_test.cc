// A partition can use its own addresses only: everything else that it sends is gone before anybody sees it.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/network/frames.h"

using namespace shoji::test;

namespace {

constexpr const char* kEveryRouter = "33:33:00:00:00:01";
constexpr const char* kOtherMac = "02:00:00:00:00:77";
using Marks = std::set<std::string>;

}  // namespace

TEST_CASE("on a bridge, spoofed packets do not reach the neighbour") {
  Farm farm;
  farm.attach("thief", {"--ip", "10.7.0.2", "--ip", "fd07::2"});
  farm.attach("victim", {"--ip", "10.7.0.3", "--ip", "fd07::3"});
  UniqueFd thief_netns = farm.host.partition("thief"), victim_netns = farm.host.partition("victim");
  Wire thief(thief_netns.get(), "eth0"), victim(victim_netns.get(), "eth0");
  const std::string &me = thief.mac(), &you = victim.mac();

  thief.send(ip_frame(you, me, "10.7.0.3", "10.7.0.1", "the gateway's address"));
  thief.send(ip_frame(you, me, "10.7.0.3", "10.7.0.99", "a free address"));
  thief.send(ip_frame(you, me, "10.7.0.3", "192.0.2.9", "an address outside"));
  thief.send(ip_frame(you, me, "fd07::3", "fd07::1", "the gateway's IPv6 address"));
  thief.send(ip_frame(you, me, "fd07::3", "fd07::99", "a free IPv6 address"));
  thief.send(ip_frame(you, me, "fd07::3", "fe80::1", "a link-local address"));
  thief.send(ip_frame(you, kOtherMac, "10.7.0.3", "10.7.0.2", "another MAC"));
  thief.send(ip_frame(you, kOtherMac, "fd07::3", "fd07::2", "another MAC with IPv6"));
  thief.send(ip_frame(you, you, "10.7.0.3", "10.7.0.2", "the victim's MAC"));
  thief.send(arp_frame(you, me, "10.7.0.1", me, "ARP for the gateway"));
  thief.send(arp_frame(kEveryone, me, "10.7.0.99", me, "ARP for a free address"));
  thief.send(arp_frame(you, kOtherMac, "10.7.0.2", kOtherMac, "ARP of another MAC"));
  thief.send(arp_frame(you, me, "10.7.0.2", kOtherMac, "ARP about another MAC"));
  thief.send(neighbour_frame(you, me, "fd07::1", "fd07::1", me, "ND from the gateway"));
  thief.send(neighbour_frame(you, me, "fd07::2", "fd07::1", me, "ND about the gateway"));
  thief.send(neighbour_frame(kEveryRouter, me, "fd07::2", "fd07::99", me, "ND about a free address"));
  thief.send(neighbour_frame(you, kOtherMac, "fd07::2", "fd07::2", kOtherMac, "ND of another MAC"));
  thief.send(router_frame(kEveryRouter, me, "fd07::2", "a router"));
  thief.send(ip_frame(you, me, "fd07::3", "fd07::2", "IPv6"));
  thief.send(arp_frame(you, me, "10.7.0.2", me, "ARP"));
  thief.send(neighbour_frame(you, me, "fd07::2", "fd07::2", me, "ND"));
  thief.send(ip_frame(you, me, "10.7.0.3", "10.7.0.2", "end"));
  CHECK(victim.marks_until("end") == Marks{"IPv6", "ARP", "ND", "end"});
}

TEST_CASE("on a routed network, spoofed packets reach neither the neighbour nor the world") {
  Farm farm("routed");
  farm.attach("thief", {"--ip", "10.7.0.2", "--ip", "fd07::2"});
  farm.attach("victim", {"--ip", "10.7.0.3", "--ip", "fd07::3"});
  UniqueFd thief_netns = farm.host.partition("thief"), victim_netns = farm.host.partition("victim");
  Server server(victim_netns.get(), "victim", {"80"});
  REQUIRE(ask(thief_netns.get(), "10.7.0.3", 80) == "victim 10.7.0.2");  // the host has its neighbours
  REQUIRE(ask(thief_netns.get(), "fd07::3", 80) == "victim fd07::2");
  Wire thief(thief_netns.get(), "eth0"), victim(victim_netns.get(), "eth0"),
      world(farm.host.outside(), "eth0");
  // The host's end: whoever is asked for has its address.
  Command neighbours;
  neighbours.argv = {"/usr/sbin/ip", "-4", "neighbour", "show", "dev", "eth0"};
  neighbours.namespaces = {thief_netns.get()};
  std::vector<std::string> row = words(must_run(neighbours));
  REQUIRE(row.size() > 2);
  const std::string &me = thief.mac(), gateway = row[2];

  thief.send(ip_frame(gateway, me, "10.7.0.3", "10.7.0.99", "a free address"));
  thief.send(ip_frame(gateway, me, "10.7.0.3", "192.0.2.9", "an address outside"));
  thief.send(ip_frame(gateway, me, "fd07::3", "fd07::99", "a free IPv6 address"));
  thief.send(ip_frame(gateway, kOtherMac, "10.7.0.3", "10.7.0.2", "another MAC"));
  thief.send(ip_frame(gateway, me, kOutside4, "10.7.0.3", "the victim's address"));
  thief.send(ip_frame(gateway, me, kOutside6, "fd07::3", "the victim's IPv6 address"));
  thief.send(ip_frame(gateway, me, "fd07::3", "fd07::2", "IPv6"));
  thief.send(ip_frame(gateway, me, kOutside4, "10.7.0.2", "to the world"));
  thief.send(ip_frame(gateway, me, "10.7.0.3", "10.7.0.2", "end"));
  CHECK(victim.marks_until("end") == Marks{"IPv6", "end"});
  CHECK(world.marks_until("to the world") == Marks{"to the world"});
}
