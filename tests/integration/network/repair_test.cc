// Somebody else flushes the ruleset, deletes interfaces, routes and files: `network check` says what is missing, and
// --repair makes it again, without a look at what is not ours.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

constexpr int kExitFaults = 3;

struct Scene {
  Farm farm;
  std::string ruleset;

  Scene() {
    nft("table ip foreign { chain c { type filter hook input priority 5; counter; }; set s { type ipv4_addr; "
        "elements = { "
        "10.1.1.1 }; }; }");
    farm.add("web1", {"-p", "8080:80", "--deny", "in:tcp:81"});
    farm.add("web2");
    farm.host.must({"service", "create", "site", "90", "web1:80", "web2:80"});
    REQUIRE(farm.host.shoji({"network", "check"}).code == 0);
    ruleset = nft("list ruleset");
  }
  void works() {
    int outside = farm.host.outside();
    CHECK(ask(outside, kHost4, 8080) == "web1 192.0.2.9");
    CHECK(ask(outside, kHost6, 8080) == "web1 2001:db8::9");
    CHECK(farm.answers(outside, kHost4, 90, 4) == std::map<std::string, int>{{"web1", 2}, {"web2", 2}});
    CHECK(ask(farm.netns("web2"), "10.7.0.2", 80) == "web1 10.7.0.3");
    CHECK(ask(farm.netns("web2"), "10.7.0.2", 81, 0.1).empty());
    Finished check = farm.host.shoji({"network", "check"});
    CHECK(check.code == 0);
    CHECK(check.out + check.err == "");
  }
  // What check says; afterwards all is as it was.
  std::string repaired() {
    Finished check = farm.host.shoji({"network", "check"});
    CHECK(check.code == kExitFaults);
    Finished repair = farm.host.shoji({"network", "check", "--repair"});
    INFO(repair.out << repair.err);
    CHECK(repair.code == 0);
    works();
    return check.out;
  }
};

void ip(int netns, const std::string& line) {
  Command c;
  c.argv = Words{"/usr/sbin/ip"} + words(line);
  c.namespaces = {netns};
  must_run(c);
}

}  // namespace

TEST_CASE("nft flush ruleset is found and mended, and established connections go on") {
  Scene scene;
  Connection direct(scene.farm.netns("web2"), "10.7.0.2", 80),
      published(scene.farm.host.outside(), kHost4, 8080);
  REQUIRE(direct.ask() == "web1 10.7.0.3");
  REQUIRE(published.ask() == "web1 192.0.2.9");
  nft("flush ruleset");
  CHECK(ask(scene.farm.host.outside(), kHost4, 8080).empty());
  CHECK(scene.repaired() != "");
  CHECK(direct.ask() == "web1 10.7.0.3");
  CHECK(published.ask() == "web1 192.0.2.9");
}

TEST_CASE(
    "each part of the firewall that is deleted is missed and made again, foreign tables are not touched") {
  Scene scene;
  int number = 0;
  for (const char* part :
       {"delete table inet shoji", "delete table bridge shoji", "flush chain bridge shoji guard",
        "flush set bridge shoji senders4", "flush set bridge shoji senders6", "flush table inet shoji",
        "flush chain inet shoji forward", "flush chain inet shoji publish",
        "flush map inet shoji everywhere4", "flush map inet shoji everywhere6",
        "flush map inet shoji access_to4", "flush set inet shoji ours4", "flush set inet shoji nat6"}) {
    if (time_factor() > 1 && number++ % 3 != 0) continue;  // an emulated machine takes minutes for all
    INFO(part);
    nft(part);
    CHECK(scene.repaired() != "");
    CHECK(nft("list table ip foreign") == containing("10.1.1.1"));
  }
  nft("delete table ip foreign");
}

TEST_CASE("interfaces, addresses and routes that vanish are missed and made again") {
  Scene scene;
  int host = scene.farm.host.netns(), web1 = scene.farm.netns("web1");
  const std::pair<int, const char*> table[] = {
      {host, "address delete 10.7.0.1/24 dev sj-farm"},
      {host, "link set sj-farm down"},
      {web1, "address delete 10.7.0.2/24 dev eth0"},
      {web1, "link set eth0 down"},
      {web1, "route delete default"},
      {web1, "link delete eth0"},
      {host, "link delete sj-farm"},
  };
  for (const auto& [netns, gone] : table) {
    INFO(gone);
    ip(netns, gone);
    CHECK(scene.repaired() != "");
    CHECK(ask(web1, "10.7.0.3", 80) == "web2 10.7.0.2");
  }
}

TEST_CASE("a partition whose interface vanished is detached and released like any other") {
  Farm farm;
  farm.add("web1", {"-p", "8080:80", "--rate-out", "10mbit"});
  ip(farm.netns("web1"), "link delete eth0");
  SECTION("detach") {
    farm.host.must({"network", "detach", "web1", "farm"});
  }
  SECTION("release") {
    farm.host.must({"network", "release", "web1"});
  }
  SECTION("another comes and goes") {
    farm.add("web2");
    farm.stop("web2");
    farm.host.must({"network", "release", "web2"});
  }
  farm.stop("web1");
}
