#include "netsetup/service/definition.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

std::string fault_of(const std::string& text) {
  Result<ServiceDefinition> parsed = parse_service(text, "www.json");
  return parsed ? "" : parsed.error().text;
}

}  // namespace

TEST_CASE("a service is printed so that it is read as the same") {
  const char* text = R"({"name": "www", "port": "192.0.2.1:80", "spread": "source-hash", "members": [
    {"target": "web1:8080"}, {"target": "10.7.0.2:80", "weight": 3}, {"target": "web2:80", "drained": true}]})";
  Result<ServiceDefinition> read = parse_service(text, "www.json");
  REQUIRE(read);
  CHECK(read->spread == Spread::kSourceHash);
  CHECK(read->families() == std::vector<Family>{Family::kIpv4});
  CHECK(read->members[1].weight == 3);
  CHECK(read->members[2].drained);
  std::string printed = print_service(*read);
  Result<ServiceDefinition> again = parse_service(printed, "again");
  REQUIRE(again);
  CHECK(*again == *read);
  CHECK(print_service(*again) == printed);
}

TEST_CASE("what is wrong with a service is told with where it is") {
  CHECK(fault_of(R"({"port": "80"})") == "www.json: /name: missing");
  CHECK(
      fault_of(R"({"name": "Www", "port": "80"})").starts_with("www.json: /name: \"Www\" is not 1 to 63 of"));
  CHECK(fault_of(R"({"name": "www", "port": "0"})") ==
        "www.json: /port: port \"0\": \"0\" is not a port between 1 and 65535");
  CHECK(fault_of(R"({"name": "www", "port": "80-90"})") ==
        "www.json: /port: port \"80-90\": \"80-90\" is not a port between 1 and 65535");
  CHECK(fault_of(R"({"name": "www", "port": "80/sctp"})") ==
        "www.json: /port: port \"80/sctp\": \"sctp\" is neither tcp nor udp");
  CHECK(fault_of(R"({"name": "www", "port": "[::1]:80"})").contains("does not route from [::1]"));
  CHECK(fault_of(R"({"name": "www", "port": "80", "spread": "random"})") ==
        "www.json: /spread: \"random\" is neither round-robin nor source-hash");
  CHECK(fault_of(R"({"name": "www", "port": "80", "weights": []})").contains("/weights"));
  auto member = [](const std::string& one) {
    return fault_of(R"({"name": "www", "port": "192.0.2.1:80", "members": [{"target": "web1:80"}, )" + one +
                    "]}");
  };
  CHECK(member(R"({"target": "web2"})") ==
        "www.json: /members/1/target: member \"web2\": \"web2\" is not HOST:PORT");
  CHECK(member(R"({"target": "web2:http"})").contains("\"http\" is not a port between 1 and 65535"));
  CHECK(
      member(R"({"target": "web/2:80"})").starts_with("www.json: /members/1/target: member \"web/2:80\": "));
  CHECK(member(R"({"target": "fd00::2:80"})").contains("in brackets"));
  CHECK(member(R"({"target": "127.0.0.1:80"})").contains("127.0.0.1 is not an address of a member"));
  CHECK(member(R"({"target": "[fd00::2]:80"})") ==
        "www.json: /members/1/target: fd00::2 is of another family than the service's 192.0.2.1");
  CHECK(member(R"({"target": "web1:80"})") == "www.json: /members/1/target: \"web1:80\" is a member already");
  CHECK(member(R"({"target": "web2:80", "weight": 0})").starts_with("www.json: /members/1/weight: "));
  CHECK(member(R"({"target": "web2:80", "weight": 65536})").starts_with("www.json: /members/1/weight: "));
  CHECK(member(R"({"target": "web2:80", "drain": true})").contains("/members/1/drain"));
  std::string many;
  for (int i = 0; i < 121; ++i) many += cat(i == 0 ? "" : ", ", R"({"target": "web)", i, R"(:80"})");
  CHECK(fault_of(R"({"name": "www", "port": "80", "members": [)" + many + "]}") ==
        "www.json: /members: there are 121, more than the 120 that a service can spread over");
}

TEST_CASE("a member is the same in every spelling of its address") {
  CHECK(parse_member_target("[FD00:0::2]:80")->text() == "[fd00::2]:80");
  CHECK(parse_member_target("10.7.0.2:80")->host() == "10.7.0.2");
  CHECK(parse_member_target("web1:80")->host() == "web1");
  Result<ServiceDefinition> read = parse_service(
      R"({"name": "www", "port": "80", "members": [{"target": "[FD00:0::2]:80"}, {"target": "[fd00::2]:80"}]})",
      "x");
  REQUIRE_FALSE(read);
  CHECK(read.error().text == "x: /members/1/target: \"[fd00::2]:80\" is a member already");
}
