// What partitions have sent and received: counted across restarts, and limited per month.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

constexpr int kBytes = 400'000;

uint64_t counted(const PrivateHost& host, const std::string& field) {
  std::string row = host.must({"network", "stats", "--no-heading", "--format", "json", "web1"});
  std::string value = json_at(row, "/0/" + field);
  return value.empty() ? 0 : std::stoull(value);
}

}  // namespace

TEST_CASE("counters of a partition go on when it is attached anew") {
  Farm farm;
  std::string url = url_of(kHost4, 8080, "/bytes/" + std::to_string(kBytes));
  for (uint64_t turn = 1; turn <= 2; ++turn) {
    farm.add("web1", {"-p", "8080:80"});
    CHECK(curl(farm.host.outside(), url).size() == kBytes);
    uint64_t out = counted(farm.host, "bytes_out");
    CHECK(out >= turn * kBytes);
    CHECK(out < turn * kBytes * 3 / 2);
    farm.stop("web1");
    farm.host.must({"network", "release", "web1"});
    CHECK(counted(farm.host, "bytes_out") >= out);
  }
}

TEST_CASE("a partition that has used up its month's bytes is blocked until it gets more") {
  Farm farm;
  farm.add("web1", {"-p", "8080:80"});
  farm.host.must({"network", "quota", "--bytes", "1M", "web1"});
  std::string url = url_of(kHost4, 8080, "/bytes/" + std::to_string(kBytes));
  CHECK(curl(farm.host.outside(), url).size() == kBytes);
  for (int i = 0; i < 3; ++i) curl(farm.host.outside(), url, {"--max-time", "2"});
  CHECK(ask(farm.host.outside(), kHost4, 8080, 0.1).empty());
  // A restart gives nothing back.
  farm.stop("web1");
  farm.host.must({"network", "release", "web1"});
  farm.add("web1", {"-p", "8080:80"});
  CHECK(ask(farm.host.outside(), kHost4, 8080, 0.1).empty());
  farm.host.must({"network", "quota", "--none", "web1"});
  CHECK(eventually([&] { return ask(farm.host.outside(), kHost4, 8080, 0.5) == "web1 192.0.2.9"; }));
  farm.stop("web1");
  farm.host.must({"network", "release", "web1"});
  farm.host.must({"network", "quota", "--forget", "web1"});
  CHECK(farm.host.refused({"network", "stats", "web1"}) == containing("nothing has been counted"));
}
