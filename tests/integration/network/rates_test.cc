// Rates, both ways, for both kinds of networks. How exactly a rate is met is bench/network's to say; here it has to hold.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

constexpr int kBytes = 1'500'000;

// Megabits per second of a download.
double rate(int netns, const std::string& url) {
  double from = now();
  CHECK(curl(netns, url).size() == kBytes);
  return kBytes * 8 / (now() - from) / 1e6;
}

}  // namespace

TEST_CASE("rates hold in both directions, and can be changed and taken off") {
  std::string kind = GENERATE("bridge", "routed");
  INFO(kind);
  Farm farm(kind);
  Server server(farm.host.outside(), "outside", {"80"});
  int web1 = farm.add("web1", {"-p", "8080:80", "--rate-in", "20mbit", "--rate-out", "40mbit"});
  std::string bytes = "/bytes/" + std::to_string(kBytes);
  auto in = [&] { return rate(web1, url_of(kOutside4, 80, bytes)); };
  auto out = [&] { return rate(farm.host.outside(), url_of(kHost4, 8080, bytes)); };
  // A burst comes on top; a slow machine may take longer.
  double first = in(), second = out();
  CHECK(first < 24);
  CHECK(second < 48);
  CHECK(first > 20 / (2 * time_factor()));
  CHECK(second > 40 / (2 * time_factor()));
  farm.host.must({"network", "set", "--rate-in", "8mbit", "--rate-out", "none", "web1", "farm"});
  CHECK(in() < 10);
  // An emulated machine does not reach what the limit was.
  if (time_factor() == 1) CHECK(eventually([&] { return out() > 48; }));
}
