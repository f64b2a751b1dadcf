#include "netsetup/firewall/access_rule_text.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

std::string fault(std::string_view text) {
  auto rule = parse_access_rule(true, text);
  return rule ? "no error" : rule.error().text;
}

std::string again(std::string_view text) {
  auto rule = parse_access_rule(text);
  return rule ? print_access_rule(*rule) : rule.error().text;
}

}  // namespace

TEST_CASE("access rules are read part by part") {
  auto rule = parse_access_rule(false, "out:10.0.0.0/8:udp:80-90");
  REQUIRE(rule);
  CHECK_FALSE(rule->allow);
  CHECK_FALSE(rule->incoming);
  CHECK(rule->peer->text() == "10.0.0.0/8");
  CHECK(rule->protocol == Protocol::kUdp);
  CHECK(rule->first_port == 80);
  CHECK(rule->last_port == 90);
  rule = parse_access_rule(true, "in");
  REQUIRE(rule);
  CHECK(rule->allow);
  CHECK(rule->incoming);
  CHECK_FALSE(rule->peer);
  CHECK_FALSE(rule->protocol);
  CHECK(rule->first_port == 0);
}

TEST_CASE("access rules print as they are read") {
  for (const char* text : {"allow in:tcp:22", "deny in", "deny out:[fd00::/8]", "allow in:[fd00::1]:udp:53",
                           "deny out:192.0.2.1:80-90", "allow in:0.0.0.0/0"})
    CHECK(again(text) == text);
  CHECK(again("deny tcp:22") == "deny in:tcp:22");
  CHECK(again("allow 10.0.0.1/32:443") == "allow in:10.0.0.1:443");
  CHECK(again("deny in:80-80") == "deny in:80");
}

TEST_CASE("what is wrong with an access rule is said") {
  CHECK(fault("") == "rule \"\": expected [in|out][:PEER][:tcp|udp][:PORT[-PORT]]");
  CHECK(fault("in:") == "rule \"in:\": expected [in|out][:PEER][:tcp|udp][:PORT[-PORT]]");
  CHECK(fault("tcp:in") ==
        "rule \"tcp:in\": \"in\" is not where [in|out][:PEER][:tcp|udp][:PORT[-PORT]] has it");
  CHECK(fault("in:tcp:udp").find("\"udp\" is not where") != std::string::npos);
  CHECK(fault("in:22:tcp").find("\"tcp\" is not where") != std::string::npos);
  CHECK(fault("in:tcp:0") == "rule \"in:tcp:0\": \"0\" is not a port between 1 and 65535");
  CHECK(fault("in:tcp:65536").find("not a port") != std::string::npos);
  CHECK(fault("in:tcp:90-80") == "rule \"in:tcp:90-80\": the range \"90-80\" ends before it begins");
  CHECK(fault("in:10.0.0.1/8").find("10.0.0.0/8 is the network") != std::string::npos);
  CHECK(fault("in:[fd00::1:tcp").find("closing bracket") != std::string::npos);
  CHECK(fault("in:icmp") != "no error");
  CHECK(fault("in::80") != "no error");
  CHECK(again("in:tcp:22") == R"(rule "in:tcp:22": it begins with neither "allow " nor "deny ")");
}
