#include "netsetup/firewall/access_rule_text.h"
#include "netsetup/firewall/ruleset.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

TEST_CASE("access rules of both families keep their order") {
  FirewallEndpoint endpoint;
  endpoint.host_interface = "sj0";
  endpoint.addresses = {Address::parse("10.7.0.2").value(), Address::parse("fd07::2").value()};
  for (const char* text : {"allow in:[fd07::9]:tcp:80", "allow in:10.7.0.9", "deny in", "allow in:[fd07::8]"})
    endpoint.rules.push_back(parse_access_rule(text).value());
  std::string text = print_endpoints({endpoint});
  size_t at = 0;
  for (const char* rule : {"ip6 saddr fd07::9/128 meta l4proto tcp th dport 80 return",
                           "ip saddr 10.7.0.9/32 return", " drop\n", "ip6 saddr fd07::8/128 return"}) {
    INFO(text << rule);
    size_t found = text.find(rule, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
}
