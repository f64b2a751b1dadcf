// A thousand partitions on one host.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

std::string numbered(int number) {
  return "web" + std::to_string(number);
}

}  // namespace

TEST_CASE("a thousand partitions are attached, reached, and released", "[native]") {
  std::string kind = GENERATE("bridge", "routed");
  INFO(kind);
  constexpr int kMany = 1000;
  PrivateHost host;
  host.must(
      {"network", "create", "--kind", kind, "--subnet", "10.7.0.0/16", "--subnet", "fd07::/64", "farm"});
  nlohmann::json partitions = nlohmann::json::array();
  Words release = {"network", "release"};
  for (int i = 0; i < kMany; ++i) {
    partitions.push_back(
        {{"partition", numbered(i)},
         {"makeNetns", true},
         {"networks", {{{"network", "farm"}, {"publish", {std::to_string(8000 + i) + ":80"}}}}}});
    release.push_back(numbered(i));
  }
  host.must({"network", "apply", host.file("farm.json", nlohmann::json({{"attach", partitions}}).dump())},
            120);
  for (int i : {0, 500, kMany - 1}) {
    UniqueFd netns = host.partition(numbered(i));
    Server server(netns.get(), numbered(i), {"80"});
    // The kernel's tables of neighbours are for 1,024 of them on the whole machine: one that is lost is asked for again.
    auto answers = [&](const char* address, const std::string& client) {
      return eventually([&] { return ask(host.outside(), address, 8000 + i) == numbered(i) + " " + client; },
                        10);
    };
    CHECK(answers(kHost4, kOutside4));
    CHECK(answers(kHost6, kOutside6));
  }
  host.must(release, 120);
}
