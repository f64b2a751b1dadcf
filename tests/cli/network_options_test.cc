#include "cli/net/network_options.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;
using shoji::net::Network;

namespace {

// The command line of `network create`, as the program reads it.
template <typename Options>
Result<Options> given(std::span<const Option> rows, std::vector<std::string> words) {
  Options options;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  TRY(parse_options(rows, &options, pointers, Order::kMixed, Dialect::kPosix));
  return options;
}

std::string document(std::vector<std::string> words, Network before = {}) {
  if (before.name.empty()) before.name = "farm";
  auto options = given<op::NetworkCreateOptions>(op::kNetworkCreateOptions, std::move(words));
  if (!options) return options.error().text;
  if (Result<> taken = cli::net::take_podman_options(*options); !taken) return taken.error().text;
  auto network = cli::net::with_options(before, *options);
  if (!network) return network.error().text;
  network = cli::net::checked_network(*network);
  return network ? shoji::net::print_network(*network) : network.error().text;
}

Network farm() {
  return shoji::net::parse_network(
             R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24", "gateway": "10.7.0.9",
                 "rangeFirst": "10.7.0.10", "rangeLast": "10.7.0.20"}, {"subnet": "fd07::/64"}],
                 "mtu": 1400, "internal": true, "dns": ["192.0.2.53"], "labels": {"a": "b"}})",
             "farm")
      .value();
}

}  // namespace

TEST_CASE("options say what a network is") {
  CHECK(document({"--subnet", "10.7.0.0/24"}) ==
        "{\n  \"name\": \"farm\",\n  \"kind\": \"bridge\",\n  \"subnets\": [\n    {\n"
        "      \"subnet\": \"10.7.0.0/24\",\n      \"gateway\": \"10.7.0.1\"\n    }\n  ]\n}\n");
  std::string all =
      document({"--kind=bridge", "--subnet=10.7.0.0/24", "--subnet=fd07::/64", "--gateway=10.7.0.5",
                "--range=10.7.0.100-10.7.0.110", "--interface=br7", "--mtu=1400", "--no-nat", "--isolated",
                "--route", "10.9.0.0/16,via 10.7.0.6,metric 7", "--route", "10.8.0.0/16,10.7.0.6,8",
                "--dns=192.0.2.53", "-l", "owner=web team"});
  for (const char* part :
       {R"("gateway": "10.7.0.5")", R"("rangeFirst": "10.7.0.100")", R"("rangeLast": "10.7.0.110")",
        R"("subnet": "fd07::/64")", R"("interface": "br7")", R"("mtu": 1400)", R"("nat": false)",
        R"("isolated": true)", R"("destination": "10.9.0.0/16")", R"("metric": 7)", R"("metric": 8)",
        R"("192.0.2.53")", R"("owner": "web team")"}) {
    INFO(all);
    CHECK(all.find(part) != std::string::npos);
  }
  std::string prefix = document({"--subnet=10.7.0.0/24", "--ip-range=10.7.0.128/25"});
  CHECK(prefix.find(R"("rangeFirst": "10.7.0.128")") != std::string::npos);
  CHECK(prefix.find(R"("rangeLast": "10.7.0.255")") != std::string::npos);
}

TEST_CASE("podman's options of drivers are understood or refused") {
  std::string macvlan = document(
      {"-d", "macvlan", "--subnet=10.7.0.0/24", "-o", "parent=eth0", "-o", "mode=vepa", "-o", "mtu=9000"});
  for (const char* part :
       {R"("kind": "macvlan")", R"("parent": "eth0")", R"("mode": "vepa")", R"("mtu": 9000)"}) {
    INFO(macvlan);
    CHECK(macvlan.find(part) != std::string::npos);
  }
  CHECK(document({"--opt=vlan=7"}) ==
        R"(option "--opt": "vlan=7" is none of mtu=, parent=, mode= and isolate=)");
  CHECK(document({"--opt=mtu=many"}).starts_with(R"(option "--opt mtu": "many" is not a number)"));
}

TEST_CASE("what is wrong with options of networks is said") {
  CHECK(document({"--kind=ipvlan"}) ==
        R"(option "--kind": "ipvlan" is none of bridge, routed, macvlan and cni)");
  CHECK(document({"--subnet=10.7.0.0/24", "--gateway=10.8.0.1"}) ==
        R"(option "--gateway": 10.8.0.1 is in none of the subnets)");
  CHECK(document({"--subnet=10.7.0.0/24", "--range=10.7.0.5"}) ==
        R"(option "--range": "10.7.0.5" is neither FIRST-LAST nor a prefix)");
  CHECK(
      document({"--subnet=10.7.0.5/24"}).find("/subnets/0/subnet: 10.7.0.5/24 has bits behind its length") !=
      std::string::npos);
  CHECK(document({"--subnet=10.7.0.0/24", "--label", "=x"}) == R"(option "--label": "=x" has no key)");
  CHECK(document({"--subnet=10.7.0.0/24", "--route=10.8.0.0/16,metric high"}) ==
        R"(option "--route": metric "high" is not a number)");
  CHECK(document({"--subnet=10.7.0.0/24", "--parent=eth0"})
            .find("/parent: it means nothing to a network of kind") != std::string::npos);
}

TEST_CASE("options change only what they name") {
  CHECK(document({}, farm()) == shoji::net::print_network(farm()));
  std::string changed = document({"--mtu=0", "--internal=false", "--dns=", "--label=c=d"}, farm());
  INFO(changed);
  for (const char* gone : {"mtu", "internal", "dns", "\"a\""}) CHECK(changed.find(gone) == std::string::npos);
  for (const char* kept : {"10.7.0.9", "10.7.0.10", "fd07::/64", R"("c": "d")"})
    CHECK(changed.find(kept) != std::string::npos);
  std::string cleared = document({"--range=", "--gateway="}, farm());
  CHECK(cleared.find("range") == std::string::npos);
  CHECK(cleared.find("10.7.0.9") == std::string::npos);
  // A subnet that stays keeps what was said of it.
  std::string fewer = document({"--subnet=10.7.0.0/24"}, farm());
  CHECK(fewer.find("10.7.0.9") != std::string::npos);
  CHECK(fewer.find("fd07") == std::string::npos);
}

TEST_CASE("a document and options that say the same exclude each other") {
  auto options =
      given<op::NetworkCreateOptions>(op::kNetworkCreateOptions, {"--file", "x.json", "--mtu=1400"});
  REQUIRE(options);
  CHECK_FALSE(options->check({}));
  CHECK_FALSE(op::NetworkCreateOptions{}.check({}));
  options = given<op::NetworkCreateOptions>(op::kNetworkCreateOptions, {"--file", "x.json"});
  REQUIRE(options);
  CHECK(options->check({}));
}
