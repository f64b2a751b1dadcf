// What the network verbs print, of networks and records made by hand: nothing of the kernel is needed.
#include <cstdlib>

#include "base/io.h"
#include "base/json.h"
#include "cli/net/verbs.h"
#include "netsetup/attach/attach.h"
#include "tests/catch.h"
#include "tests/cli/printed.h"

using namespace shoji;
using namespace shoji::cli;
using shoji::net::Attachment;
using shoji::net::Network;
using shoji::net::NetworkStore;
using shoji::test::print_in;
using shoji::test::Printed;

namespace {

struct Scene {
  std::string directory;
  NetworkStore store;
  Scene() {
    char name[] = "/tmp/network-printing.XXXXXX";
    directory = mkdtemp(name);
    store = {.root = directory + "/root", .run = directory + "/run"};
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene() { ignore(remove_tree(directory), "below /tmp"); }

  void make(std::string document) const {
    auto network = shoji::net::parse_network(std::move(document), "test");
    REQUIRE(network);
    REQUIRE(shoji::net::create_network(store, *network));
  }
  void attach(const std::string& partition, const std::string& network, const std::string& address) const {
    Attachment attachment;
    attachment.partition = partition;
    attachment.network = network;
    attachment.interface = "eth0";
    attachment.netns = store.run + "/netns/" + partition;
    attachment.host_interface = "sj0";
    attachment.addresses = {shoji::net::Prefix::parse(address).value()};
    attachment.ports = {shoji::net::parse_published_port("8080:80").value()};
    attachment.rates.out = 12'500'000;
    attachment.rules = {{.allow = false, .incoming = true, .peer = {}, .protocol = {}}};
    REQUIRE(shoji::net::write_record(store, attachment));
  }
  // `shoji network WORDS...`
  [[nodiscard]] Printed run(std::vector<std::string> words) const {
    std::vector<std::string> all = {"--root", store.root, "--run", store.run, "network"};
    all.insert(all.end(), words.begin(), words.end());
    return print_in(directory, cli::net::net_verbs(), all);
  }
};

}  // namespace

TEST_CASE("networks are listed with what is attached to them") {
  Scene scene;
  scene.make(R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24"}, {"subnet": "fd07::/64"}], "mtu": 1400,
                 "labels": {"owner": "web"}})");
  scene.make(R"({"name": "venet", "kind": "routed", "subnets": [{"subnet": "10.8.0.0/24"}], "nat": false})");
  scene.attach("web1", "farm", "10.7.0.2/24");
  scene.attach("web2", "farm", "10.7.0.3/24");
  CHECK(scene.run({"ls"}).out ==
        "NAME   KIND    SUBNETS                 ATTACHED\n"
        "farm   bridge  10.7.0.0/24, fd07::/64         2\n"
        "venet  routed  10.8.0.0/24                    0\n");
  CHECK(scene.run({"ls", "-o", "name,interface,mtu,nat,labels", "--no-heading"}).out ==
        "farm   sj-farm  1400  true   owner=web\n"
        "venet                 false  \n");
  CHECK(scene.run({"ls", "-o", "name", "--no-heading", "-f", "attached>1"}).out == "farm\n");
  CHECK(scene.run({"ls", "-o", "colour"}).code == op::kExitUsage);
}

TEST_CASE("attachments are listed with what they may") {
  Scene scene;
  scene.attach("web1", "farm", "10.7.0.2/24");
  scene.attach("web2", "db", "fd07::2/64");
  CHECK(scene.run({"ps"}).out ==
        "PARTITION  NETWORK  INTERFACE  ADDRESSES    PORTS        RATE IN  RATE OUT\n"
        "web1       farm     eth0       10.7.0.2/24  8080:80/tcp            100mbit\n"
        "web2       db       eth0       fd07::2/64   8080:80/tcp            100mbit\n");
  CHECK(scene.run({"ps", "web2", "-o", "partition,rules", "--no-heading"}).out == "web2  deny in\n");
  CHECK(scene.run({"ps", "web3", "--no-heading"}).out.empty());
  CHECK(scene.run({"ps", "../web1"}).code == op::kExitUsage);
  std::string json = scene.run({"ps", "web1", "--format", "json", "-o", "rate_in,rate_out,netns"}).out;
  CHECK(json == cat("[\n  {\n    \"rate_in\": null,\n    \"rate_out\": 12500000,\n    \"netns\": \"",
                    scene.store.run, "/netns/web1\"\n  }\n]\n"));
}

TEST_CASE("a network is inspected as a document, as text, and with what is attached") {
  Scene scene;
  scene.make(R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24", "rangeFirst": "10.7.0.100"}],
                 "isolated": true, "routes": [{"destination": "10.9.0.0/16", "gateway": "10.7.0.5", "metric": 7}],
                 "dns": ["192.0.2.53"]})");
  scene.attach("web1", "farm", "10.7.0.100/24");
  Printed document = scene.run({"inspect", "farm", "--format", "document"});
  auto again = shoji::net::parse_network(document.out, "printed");
  REQUIRE(again);
  CHECK(shoji::net::print_network(*again) == document.out);
  CHECK(scene.run({"inspect", "farm", "--format=text"}).out ==
        "Name:        farm\n"
        "Kind:        bridge\n"
        "Subnet:      10.7.0.0/24, gateway 10.7.0.1, leases 10.7.0.100 to 10.7.0.254\n"
        "Interface:   sj-farm\n"
        "Ways:        isolated\n"
        "Route:       10.9.0.0/16 via 10.7.0.5 metric 7\n"
        "DNS:         192.0.2.53\n"
        "Attached:    web1 eth0 10.7.0.100/24\n");
  auto json = JsonDocument::parse(scene.run({"inspect", "farm", "farm"}).out, "inspect");
  REQUIRE(json);
  REQUIRE(json->root().size() == 2);
  Json farm = json->root().first();
  CHECK(farm.find("name").as_string().value() == "farm");
  REQUIRE(farm.find("attached").size() == 1);
  CHECK(farm.find("attached").first().find("partition").as_string().value() == "web1");
  Printed missing = scene.run({"inspect", "nothing"});
  CHECK(missing.code == kExitError);
  CHECK(missing.err == "shoji: network inspect: there is no network \"nothing\"\n");
}

TEST_CASE("leases are listed by address, and those of an earlier boot are told apart") {
  Scene scene;
  scene.make(R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24"}]})");
  auto network = shoji::net::find_network(scene.store, "farm");
  REQUIRE(network);
  auto pool = shoji::net::lease_pools(scene.store, *network)[0];
  auto boot = shoji::net::current_boot_id();
  REQUIRE(boot);
  REQUIRE(shoji::net::lease_address(pool, shoji::net::Address::parse("10.7.0.20").value(), "web2", *boot));
  REQUIRE(shoji::net::lease_address(pool, shoji::net::Address::parse("10.7.0.9").value(), "web1", "another"));
  CHECK(scene.run({"leases", "farm"}).out ==
        "ADDRESS    PARTITION  CURRENT\n"
        "10.7.0.9   web1       false\n"
        "10.7.0.20  web2       true\n");
}
