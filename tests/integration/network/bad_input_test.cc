// What is refused, and that the sentence says where the fault is.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

struct Bad {
  std::string text;
  const char* said;  // of the sentence
};

// One sentence, and for wrong words a hint where to read on.
bool is_sentence(Finished done) {
  if (size_t hint = done.err.find("\nhint: "); hint != std::string::npos) done.err.resize(hint + 1);
  return one_sentence(done);
}

// A document with one more member.
std::string with(const std::string& member) {
  return R"({"name": "bad", "subnets": [{"subnet": "10.8.0.0/24"}], )" + member + "}";
}
std::string subnets(const std::string& list) {
  return R"({"name": "bad", "subnets": [)" + list + "]}";
}

}  // namespace

TEST_CASE("bad documents of networks are refused with a pointer to the fault, and nothing is made",
          "[native]") {
  PrivateHost host;
  const Bad table[] = {
      {"{", "bad.json"},
      {"[]", "bad.json"},
      {R"({"name": "bad"})", "/subnets"},
      {R"({"subnets": [{"subnet": "10.8.0.0/24"}]})", "name"},
      {R"({"name": "Bad!", "subnets": [{"subnet": "10.8.0.0/24"}]})", "/name"},
      {R"({"name": "../bad", "subnets": [{"subnet": "10.8.0.0/24"}]})", "/name"},
      {R"({"name": "host", "subnets": [{"subnet": "10.8.0.0/24"}]})", "/name"},
      {with(R"("mut": 1500)"), "mut"},
      {with(R"("mtu": 67)"), "/mtu"},
      {with(R"("mtu": 65536)"), "/mtu"},
      {with(R"("mtu": -1)"), "/mtu"},
      {with(R"("mtu": "1500")"), "/mtu"},
      {with(R"("mtu": 1e99)"), "/mtu"},
      {with(R"("kind": "bridged")"), "/kind"},
      {with(R"("kind": "macvlan")"), "/parent"},
      {with(R"("kind": "cni")"), "/subnets"},
      {with(R"("mode": "vepa")"), "/mode"},
      {with(R"("nat": "yes")"), "/nat"},
      {with(R"("interface": "sixteencharacter")"), "/interface"},
      {with(R"("interface": "a/b")"), "/interface"},
      {with(R"("dns": ["10.0.0.300"])"), "/dns/0"},
      {with(R"("dns": ["::1", "x"])"), "/dns/1"},
      {with(R"("routes": [{"gateway": "10.8.0.1"}])"), "/routes/0"},
      {with(R"("routes": [{"destination": "10.9.0.0/99"}])"), "/routes/0/destination"},
      {with(R"("routes": [{"destination": "10.9.0.0/16", "gateway": "fd00::1"}])"), "/routes/0/gateway"},
      {with(R"("labels": {"a": 1})"), "/labels/a"},
      {subnets(R"({"subnet": "10.8.0.1/24"})"), "/subnets/0/subnet"},
      {subnets(R"({"subnet": "10.8.0.0/31"})"), "/subnets/0/subnet"},
      {subnets(R"({"subnet": "10.8.0.0"})"), "/subnets/0/subnet"},
      {subnets(R"({"subnet": "224.0.0.0/24"})"), "/subnets/0/subnet"},
      {subnets(R"({"subnet": "127.0.0.0/8"})"), "/subnets/0/subnet"},
      {subnets(R"({"subnet": "fd08::/65", "gateway": "10.8.0.1"})"), "/subnets/0/gateway"},
      {subnets(R"({"subnet": "10.8.0.0/24", "gateway": "10.9.0.1"})"), "/subnets/0/gateway"},
      {subnets(R"({"subnet": "10.8.0.0/24", "rangeFirst": "10.8.0.9", "rangeLast": "10.8.0.3"})"),
       "/subnets/0/rangeLast"},
      {subnets(R"({"subnet": "10.8.0.0/24"}, {"subnet": "10.8.0.128/25"})"), "/subnets/1/subnet"},
      {subnets(R"({"subnet": "10.8.0.0/24"}, {"subnet": "fd08::/64", "size": 3})"), "/subnets/1"},
      {R"({"name": "bad", "subnets": [{"subnet": "fd08::/64"}], "mtu": 1279})", "/mtu"},
  };
  for (const Bad& bad : table) {
    INFO(bad.text);
    Finished done = host.shoji({"network", "create", "--file", host.file("bad.json", bad.text)});
    CHECK(done.code == 1);
    CHECK(done.err == containing(bad.said));
    CHECK(is_sentence(done));
  }
  CHECK(host.must({"network", "ls", "--no-heading"}).empty());
  CHECK(host.leftovers().empty());
}

TEST_CASE("overlapping subnets are refused, and the sentence names the other network", "[native]") {
  Farm farm;
  std::string said = farm.host.refused({"network", "create", "--subnet", "10.7.0.128/25", "other"});
  CHECK(said == containing("10.7.0.128/25 overlaps 10.7.0.0/24 of network \"farm\""));
  said = farm.host.refused({"network", "create", "--subnet", "10.0.0.0/8", "other"});
  CHECK(said == containing("overlaps 10.7.0.0/24 of network \"farm\""));
  said = farm.host.refused({"network", "create", "--subnet", "fd00::/8", "other"});
  CHECK(said == containing("overlaps fd07::/64 of network \"farm\""));
  farm.host.must({"network", "create", "other"});  // finds a free one by itself
  CHECK(farm.host.refused({"network", "create", "--subnet", "10.9.0.0/24", "other"}) == containing("other"));
}

TEST_CASE("an exhausted pool says so, and who asks later gets what was given back", "[native]") {
  PrivateHost host;
  host.must(
      {"network", "create", "--subnet", "10.7.0.0/29", "small"});  // 6 addresses, one of them the host's
  for (int i = 1; i <= 5; ++i) host.must({"network", "attach", "--make", "web" + std::to_string(i), "small"});
  std::string said = host.refused({"network", "attach", "--make", "web6", "small"});
  CHECK(said ==
        containing(R"(attach "web6" to network "small": every address from 10.7.0.1 to 10.7.0.6 is taken)"));
  host.must({"network", "release", "web3"});
  host.must({"network", "attach", "--make", "web6", "small"});
  said = host.refused({"network", "rm", "small"});
  CHECK(said == containing("web1"));
}

TEST_CASE("bad words of attach are refused with what is wrong in them, and nothing is made", "[native]") {
  Farm farm;
  farm.attach("web1", {"--ip", "10.7.0.5"});
  std::string before = farm.host.leftovers();
  struct Row {
    Words options;
    const char* said;
  };
  const Row table[] = {
      {{"--ip", "10.7.0.5"}, "address 10.7.0.5 is taken by \"web1\""},
      {{"--ip", "10.7.0.1"}, "10.7.0.1"},
      {{"--ip", "10.7.0.0"}, "10.7.0.0"},
      {{"--ip", "10.7.0.255"}, "10.7.0.255"},
      {{"--ip", "10.99.0.1"}, "10.99.0.1 is in no subnet"},
      {{"--ip", "10.7.0.500"}, "10.7.0.500"},
      {{"--mac", "01:00:00:00:00:01"}, "01:00:00:00:00:01"},
      {{"--mac", "zz:00:00:00:00:01"}, "zz:00:00:00:00:01"},
      {{"--interface", "sixteencharacter"}, "sixteencharacter"},
      {{"--interface", "lo"}, "lo"},
      {{"-p", "80"}, "80"},
      {{"-p", "0:80"}, "0:80"},
      {{"-p", "8080:70000"}, "8080:70000"},
      {{"-p", "8080-8090:80-85"}, "8080-8090:80-85"},
      {{"-p", "8080:80/sctp"}, "sctp"},
      {{"-p", "[::1]:8080:80"}, "[::1]"},
      {{"-p", "8080:80", "-p", "8080:81"}, "8080"},
      {{"--rate-in", "fast"}, "fast"},
      {{"--rate-in", "-5M"}, "-5M"},
  };
  for (const Row& row : table) {
    INFO(row.options[0] << " " << row.options[1]);
    Finished done =
        farm.host.shoji(Words{"network", "attach", "--make"} + row.options + Words{"web2", "farm"});
    CHECK(done.code != 0);
    CHECK(done.err == containing(row.said));
    CHECK(is_sentence(done));
    CHECK(farm.host.changes_since(before) == "");
  }
  CHECK(farm.host.refused({"network", "attach", "--make", "web2", "nowhere"}) == containing("nowhere"));
  CHECK(farm.host.refused({"network", "attach", "--make", "web1", "farm"}) == containing("web1"));
  CHECK(farm.host.changes_since(before) == "");
}
