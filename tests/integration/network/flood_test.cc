// One partition, with its own share of a processor and its own rate, floods another one that serves.
#include <algorithm>

#include "tests/catch.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/rounds.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

// The container of a partition: one static program.
void run_in(Sandbox& box, const PrivateHost& host, const std::string& partition, const char* program,
            Words arguments) {
  box.bundle.file("bin/program", read_text(program), 0755).args(Words{"/bin/program"} + arguments);
  box.bundle.drop_namespace("network").add(
      "/linux/namespaces", R"({"type": "network", "path": )" + json_string(host.pin(partition)) + "}");
  box.launch();
  REQUIRE(box.prints("ready"));
}

// Answers per second when `rate` requests per second are due on each of 10 connections.
double goodput(int netns, int rate, double seconds) {
  Command c;
  c.argv = {SHOJI_BENCH_LOAD, "--keep-alive",          "10",        "--rate", std::to_string(rate),
            "--duration",     std::to_string(seconds), "--timeout", "1",      "--format",
            "json",           url_of(kHost4, 8080)};
  c.namespaces = {netns};
  Finished done = run_command(c, 60);
  INFO(done.err);
  REQUIRE((done.code == 0 || done.code == 3));
  return std::stod(json_at(done.out, "/answered")) / seconds;
}

}  // namespace

// With SHOJI_ROUNDS (scripts/soak) that many pairs are measured, and the bound is what is promised. Beside other tests a
// single pair shows only that nobody is starved.
TEST_CASE("a flood with a quota and a rate takes no more than 5 % of another one's goodput",
          "[fault][native]") {
  Farm farm;
  farm.attach("shop", {"--ip", "10.7.0.2", "-p", "8080:80"});
  farm.attach("flood", {"--rate-out", "100mbit"});
  Sandbox shop, flood;
  run_in(shop, farm.host, "shop", SHOJI_TEST_SERVER, {"shop", "80"});
  int outside = farm.host.outside();
  bool alone = getenv("SHOJI_ROUNDS") != nullptr;
  double seconds = alone ? 3 : 0.5;
  unsigned pairs = alone ? std::min(rounds(5), 10U) : 1;
  // 20 % of the most that it can do.
  int rate = std::max(1, static_cast<int>(goodput(outside, 5000, seconds) / 50));
  flood.bundle.set("/linux/resources/cpu", R"({"quota": 50000, "period": 100000})");
  run_in(flood, farm.host, "flood", SHOJI_TEST_FLOOD, {"10.7.0.2", "9"});
  std::vector<double> ratios;
  for (unsigned i = 0; i < pairs; ++i) {
    flood.runtime({"pause", flood.id()});
    double quiet = goodput(outside, rate, seconds);
    flood.runtime({"resume", flood.id()});
    ratios.push_back(goodput(outside, rate, seconds) / quiet);
  }
  std::ranges::sort(ratios);
  double median = ratios[ratios.size() / 2];
  INFO("with the flood: " << median * 100 << " % of " << rate * 10 << " requests a second");
  CHECK(median >= (alone ? 0.95 : 0.5));
}
