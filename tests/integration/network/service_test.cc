// Virtual services, as clients see them.
#include <set>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

using Answers = std::map<std::string, int>;

struct Members : Farm {
  explicit Members(int count, const std::string& kind = "bridge") : Farm(kind) {
    for (int i = 1; i <= count; ++i) add("web" + std::to_string(i));
  }
  void service(const Words& words, const Words& options = {}) const {
    host.must(Words{"service", "create"} + options + Words{"site"} + words);
  }
};

}  // namespace

TEST_CASE("curl reaches the members of a service in turn, from everywhere, over both families") {
  std::string kind = GENERATE("bridge", "routed");
  INFO(kind);
  Members farm(3, kind);
  farm.service({"90", "web1:80", "web2:80", "web3:80"});
  const Answers even = {{"web1", 3}, {"web2", 3}, {"web3", 3}};
  int outside = farm.host.outside();
  CHECK(farm.answers(outside, kHost4, 90, 9) == even);
  CHECK(farm.answers(outside, kHost6, 90, 9) == even);
  CHECK(farm.answers(farm.host.netns(), "127.0.0.1", 90, 9) == even);
  CHECK(farm.answers(farm.host.netns(), kHost4, 90, 9) == even);
  CHECK(farm.answers(farm.netns("web1"), kHost4, 90, 9) == even);
  CHECK(farm.answers(farm.netns("web1"), kHost6, 90, 9) == even);
  CHECK(curl(outside, url_of(kHost4, 90)) == containing(" 192.0.2.9"));
  CHECK(curl(outside, url_of(kHost6, 90)) == containing(" 2001:db8::9"));
}

TEST_CASE("weights, source hash and UDP") {
  Members farm(3);
  int outside = farm.host.outside();
  SECTION("weights") {
    farm.service({"90", "web1:80=3", "web2:80"});
    CHECK(farm.answers(outside, kHost4, 90, 120) == Answers{{"web1", 90}, {"web2", 30}});
    farm.host.must({"service", "weight", "site", "web1:80=1"});
    CHECK(farm.answers(outside, kHost4, 90, 120) == Answers{{"web1", 60}, {"web2", 60}});
  }
  SECTION("source hash: a client keeps its member") {
    farm.service({"90", "web1:80", "web2:80", "web3:80"}, {"--spread", "source-hash"});
    Answers from_outside = farm.answers(outside, kHost4, 90, 6);
    CHECK(from_outside.size() == 1);
    CHECK(farm.answers(outside, kHost6, 90, 6).size() == 1);
    // Another one goes: who is not its client stays where he is.
    std::string mine = from_outside.begin()->first;
    std::string other = mine == "web1" ? "web2" : "web1";
    farm.host.must({"service", "remove", "site", other + ":80"});
    CHECK(farm.answers(outside, kHost4, 90, 6) == Answers{{mine, 6}});
  }
  SECTION("UDP") {
    farm.service({"5300/udp", "web1:53", "web2:53"});
    std::set<std::string> seen;
    for (int i = 0; i < 4; ++i) seen.insert(ask_udp(outside, kHost4, 5300));
    CHECK(seen == std::set<std::string>{"web1 192.0.2.9", "web2 192.0.2.9"});
  }
}

TEST_CASE("a member that is drained or unhealthy takes no new connection, and keeps those that it has") {
  Members farm(2);
  farm.service({"90", "web1:80", "web2:80"});
  int outside = farm.host.outside();
  std::map<std::string, Connection> kept;
  while (kept.size() < 2) {
    Connection connection(outside, kHost4, 90);
    std::string answer = connection.ask();
    REQUIRE(!answer.empty());
    kept.emplace(answer.substr(0, 4), std::move(connection));
  }
  SECTION("drained") {
    Finished drained = farm.host.shoji({"service", "drain", "--wait", "1s", "site", "web1:80"});
    INFO(drained.out << drained.err);
    CHECK(drained.code == 3);
    CHECK(drained.out == "1 connection left\n");
  }
  SECTION("unhealthy") {
    farm.host.must({"service", "health", "web1", "down"});
  }
  CHECK(farm.answers(outside, kHost4, 90, 6) == Answers{{"web2", 6}});
  for (auto& [name, connection] : kept) CHECK(connection.ask() == name + " 192.0.2.9");
}

TEST_CASE("a drain ends when the last connection does") {
  Members farm(2);
  farm.service({"90", "web1:80", "web2:80"});
  std::vector<Connection> open;
  for (int i = 0; i < 4; ++i) {
    open.emplace_back(farm.host.outside(), kHost4, 90);
    REQUIRE(open.back().ask() != "");
  }
  Process drain(farm.host.command({"service", "drain", "--wait", "30s", "site", "web1:80"}));
  nap(0.3 * time_factor());
  CHECK(drain.running());
  open.clear();
  Finished done = drain.wait(15);
  INFO(done.out << done.err);
  CHECK(done.code == 0);
  // Back again.
  farm.host.must({"service", "add", "site", "web1:80"});
  CHECK(farm.answers(farm.host.outside(), kHost4, 90, 6) == Answers{{"web1", 3}, {"web2", 3}});
}
