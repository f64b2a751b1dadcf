// What others do to our tables is found, and mended in one transaction.
#include <nftables/libnftables.h>

#include "netsetup/firewall/firewall.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using shoji::test::inside;
using shoji::test::new_network;

namespace {

void nft(const std::string& commands) {
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  nft_ctx_buffer_error(context);
  int status = nft_run_cmd_from_buffer(context, commands.c_str());
  INFO(commands << nft_ctx_get_error_buffer(context));
  CHECK(status == 0);
  nft_ctx_free(context);
}

std::string listing() {
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  nft_ctx_buffer_output(context);
  CHECK(nft_run_cmd_from_buffer(context, "list ruleset") == 0);
  std::string out = nft_ctx_get_output_buffer(context);
  nft_ctx_free(context);
  return out;
}

// Endpoints need no interfaces: they are known by their names.
struct House {
  UniqueFd netns = new_network();
  std::vector<FirewallNetwork> networks = {
      {.name = "web",
       .interface = "br0",
       .subnets = {*Prefix::parse("10.7.0.0/24"), *Prefix::parse("fd07::/64")}},
      {.name = "next",
       .interface = "br1",
       .subnets = {*Prefix::parse("10.7.1.0/24"), *Prefix::parse("255.255.255.0/24")},
       .nat = false,
       .isolated = true},
      {.name = "in", .interface = "br2", .subnets = {*Prefix::parse("10.9.0.0/16")}, .internal = true}};
  std::vector<FirewallEndpoint> endpoints;
  std::vector<ServiceRow> services;

  House() {
    for (int i = 2; i < 5; ++i)
      endpoints.push_back(
          {.partition = cat('p', i),
           .network = "web",
           .host_interface = cat("sj0a07000", i),
           .mac = *Mac::parse(cat("02:5a:0a:07:00:0", i)),
           .addresses = {*Address::parse(cat("10.7.0.", i)), *Address::parse(cat("fd07::", i))},
           .ports = {},
           .rules = {}});
    endpoints[0].ports = {*parse_published_port("8080:80"),
                          *parse_published_port("192.0.2.1:9000-9099:80/udp")};
    endpoints[1].rules = {
        {.allow = true, .incoming = true, .peer = *Prefix::parse("10.7.0.9/24"), .protocol = Protocol::kTcp},
        {.allow = false, .incoming = true, .peer = {}, .protocol = {}, .first_port = 80, .last_port = 90},
        {.allow = false, .incoming = false, .peer = *Prefix::parse("fd09::/21"), .protocol = {}}};
    VirtualService service{.name = "site", .port = *parse_published_port("443:443"), .members = {}};
    for (int i = 0; i < 2; ++i)
      service.members.push_back(
          {.partition = endpoints[i].partition, .address = endpoints[i].addresses[0], .port = 443});
    services.push_back({service, {}});
    service.name = "hashed";
    service.spread = Spread::kSourceHash;
    service.port = *parse_published_port("[2001:db8::1]:80:80");
    for (int i = 0; i < 2; ++i) service.members[i].address = endpoints[i].addresses[1];
    services.push_back({service, {}});
  }
  template <typename Body>
  void with_firewall(Body body) {
    inside(netns.get(), [&] {
      Result<Firewall> firewall = Firewall::open();
      REQUIRE(firewall);
      body(*firewall);
      return 0;
    });
  }
  std::vector<std::string> differences(Firewall& firewall) {
    Result<std::vector<std::string>> out = firewall.differences(networks, endpoints, services);
    INFO((out ? "" : out.error().text));
    REQUIRE(out);
    return *out;
  }
  void replace_all(Firewall& firewall) {
    Result<> replaced = firewall.replace_all(networks, endpoints, services);
    INFO((replaced ? "" : replaced.error().text));
    REQUIRE(replaced);
  }
};

using Sentences = std::vector<std::string>;

}  // namespace

TEST_CASE("what is added piece by piece is what is made at once") {
  House house;
  house.with_firewall([&](Firewall& firewall) {
    REQUIRE(firewall.is_whole());
    CHECK_FALSE(*firewall.is_whole());
    REQUIRE(firewall.ensure(house.networks));
    CHECK(*firewall.is_whole());
    Result<> added = firewall.add(house.endpoints);
    INFO((added ? "" : added.error().text));
    REQUIRE(added);
    CHECK(*firewall.is_whole());
    for (const ServiceRow& row : house.services) REQUIRE(firewall.add_service(row.service));
    CHECK(house.differences(firewall) == Sentences{});
    std::string pieces = listing();
    house.replace_all(firewall);
    CHECK(house.differences(firewall) == Sentences{});
    CHECK(listing().size() == pieces.size());  // sets have no order
    CHECK(pieces.find("ip saddr 10.7.0.0/24 meta l4proto tcp return") != std::string::npos);
    CHECK(pieces.find("udp dport 80-90 drop") != std::string::npos);
    CHECK(pieces.find("ip6 daddr fd09::/21 drop") != std::string::npos);
    // And it goes without a trace.
    REQUIRE(firewall.remove(house.endpoints));
    for (const ServiceRow& row : house.services) REQUIRE(firewall.remove_service(row.service));
    std::string emptied = listing();
    REQUIRE(firewall.replace_all(house.networks, {}, {}));
    CHECK(listing() == emptied);
  });
}

TEST_CASE("what somebody did to our tables is found and mended, and theirs stay") {
  House house;
  house.with_firewall([&](Firewall& firewall) {
    nft("table inet theirs {\n chain forward {\n type filter hook forward priority 10; policy drop;\n ip "
        "saddr "
        "10.0.0.0/8 accept\n }\n}\n");
    house.replace_all(firewall);
    std::string whole = listing();
    struct Deed {
      std::string commands;
      Sentences found;
      bool whole;
    };
    const Deed deeds[] = {
        {"delete table inet shoji", {"table inet shoji is not there"}, false},
        {"delete table bridge shoji", {"table bridge shoji is not there"}, false},
        {"flush chain inet shoji forward",
         {"chain forward of table inet shoji has other rules than it ought to have"},
         false},
        {"insert rule inet shoji forward drop",
         {"chain forward of table inet shoji has other rules than it ought to have"},
         false},
        {"flush chain inet shoji to_sj0a070003",
         {"chain to_sj0a070003 of table inet shoji has other rules than it ought to have"},
         true},
        {"delete element inet shoji everywhere4 { tcp . 8080 }",
         {"1 element of everywhere4 of table inet shoji is missing: tcp . 8080"},
         true},
        {"delete element inet shoji everywhere4 { tcp . 8080 }\nadd element inet shoji everywhere4 { tcp . "
         "8080 : "
         "10.7.0.3 . 80 }",
         {"1 element of everywhere4 of table inet shoji is missing: tcp . 8080",
          "1 element of everywhere4 of table inet shoji belongs to nobody"},
         true},
        {"flush set bridge shoji senders4",
         {"3 elements of senders4 of table bridge shoji are missing, the first one is \"sj0a070002\" . "
          "02:5a:0a:07:00:02 . 10.7.0.2"},
         true},
        {"add element inet shoji nat4 { 192.168.0.0/16 }",
         {"2 elements of nat4 of table inet shoji belong to nobody"},
         true},
        {"flush set inet shoji same6",
         {"1 element of same6 of table inet shoji is missing: fd07::/64 . fd07::/64"},
         true},
        {"add chain inet shoji odd", {"chain odd of table inet shoji belongs to nobody"}, true},
    };
    for (const Deed& deed : deeds) {
      nft(deed.commands);
      INFO(deed.commands);
      CHECK(house.differences(firewall) == deed.found);
      CHECK(*firewall.is_whole() == deed.whole);
      house.replace_all(firewall);
      CHECK(house.differences(firewall) == Sentences{});
      CHECK(listing().size() == whole.size());
    }
    nft("flush ruleset");
    CHECK(house.differences(firewall) ==
          Sentences{"table inet shoji is not there", "table bridge shoji is not there"});
    CHECK_FALSE(*firewall.is_whole());
  });
}

TEST_CASE("a service's slots that are not as they were are found") {
  House house;
  house.with_firewall([&](Firewall& firewall) {
    house.replace_all(firewall);
    ServiceRow& row = house.services[0];
    row.service.members[1].healthy = false;
    Sentences found = house.differences(firewall);
    REQUIRE(found.size() == 2);
    CHECK(found[0].starts_with("60 elements of slots_"));
    REQUIRE(firewall.change_service(row.service, *firewall.add_service(row.service)));
    CHECK(house.differences(firewall) == Sentences{});
  });
}

TEST_CASE("an endpoint of which only a part is there is removed, twice, and without tables") {
  House house;
  house.with_firewall([&](Firewall& firewall) {
    REQUIRE(firewall.remove(house.endpoints));
    REQUIRE(firewall.ensure(house.networks));
    std::string empty = listing();
    REQUIRE(firewall.add(house.endpoints));
    nft("delete element inet shoji everywhere4 { tcp . 8080 }\ndelete element inet shoji access_to6 { "
        "fd07::3 }\n"
        "flush chain inet shoji from_sj0a070003\nflush set bridge shoji macs");
    REQUIRE(firewall.remove(house.endpoints));
    CHECK(listing() == empty);
    REQUIRE(firewall.remove(house.endpoints));
    CHECK(listing() == empty);
    CHECK(house.differences(firewall).size() > 3);
  });
}

TEST_CASE("tables of others that drop what we forward are told, and rules that a bridge does not meet") {
  House house;
  house.with_firewall([&](Firewall& firewall) {
    house.replace_all(firewall);
    auto obstacles = [&](const std::vector<FirewallNetwork>& networks,
                         const std::vector<FirewallEndpoint>& endpoints) {
      Result<Sentences> out = firewall.obstacles(networks, endpoints);
      REQUIRE(out);
      return *out;
    };
    CHECK(obstacles(house.networks, {}) == Sentences{});
    nft("table ip filter {\n chain FORWARD {\n type filter hook forward priority 0; policy drop;\n }\n chain "
        "INPUT {\n "
        "type filter hook input priority 0; policy drop;\n }\n}\ntable inet calm {\n chain forward {\n type "
        "filter hook "
        "forward priority 1; policy accept;\n }\n}\n");
    CHECK(
        obstacles(house.networks, {}) ==
        Sentences{
            "table ip filter, which is not Shoji's, drops forwarded packets that its chain FORWARD does not "
            "accept (policy drop): a rule there has to accept those from and to the networks of partitions"});
    CHECK(obstacles({}, {}) == Sentences{});
    nft("delete table ip filter");
    for (const char* path :
         {"/proc/sys/net/bridge/bridge-nf-call-iptables", "/proc/sys/net/bridge/bridge-nf-call-ip6tables"})
      ignore(write_kernel_file(path, "0"), "without it bridge netfilter is off");
    CHECK(obstacles(house.networks, {house.endpoints[0]}) == Sentences{});
    Sentences found = obstacles(house.networks, house.endpoints);
    REQUIRE(found.size() == 2);
    CHECK(found[0] ==
          "rules of partitions do not hold between partitions of one bridge over IPv4: the kernel's "
          "br_netfilter is not "
          "loaded or off (sysctl net.bridge.bridge-nf-call-iptables)");
    CHECK(found[1].find("over IPv6: ") != std::string::npos);
  });
}
