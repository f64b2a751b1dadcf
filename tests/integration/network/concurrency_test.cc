// Many verbs at once, each a process of its own.
#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// The verbs side by side: all of them must end with 0.
void all_must(const PrivateHost& host, const std::vector<Words>& verbs) {
  std::vector<Process> running;
  running.reserve(verbs.size());
  for (const Words& verb : verbs) running.emplace_back(host.command(verb));
  for (Process& process : running) {
    Finished done = process.wait(60);
    INFO(done.out << done.err);
    CHECK(done.code == 0);
  }
}

std::set<std::string> leased(const PrivateHost& host) {
  std::vector<std::string> rows =
      words(host.must({"network", "leases", "--no-heading", "-o", "address", "farm"}));
  std::set<std::string> out(rows.begin(), rows.end());
  CHECK(out.size() == rows.size());
  return out;
}

std::string numbered(int number) {
  return "web" + std::to_string(number);
}

}  // namespace

TEST_CASE("a hundred attaches at once, by as many processes, and a hundred releases") {
  Farm farm;
  const int kMany = time_factor() > 1 ? 20 : 100;  // an emulated machine takes minutes for more
  std::vector<Words> attach, release;
  for (int i = 0; i < kMany; ++i) {
    std::string port = std::to_string(8000 + i) + ":80";
    attach.push_back({"network", "attach", "--make", "-p", port, numbered(i), "farm"});
    release.push_back({"network", "release", numbered(i)});
  }
  all_must(farm.host, attach);
  CHECK(leased(farm.host).size() == static_cast<size_t>(2 * kMany));
  CHECK(farm.host.shoji({"network", "check"}).code == 0);
  for (int i : {0, kMany / 3, kMany - 1}) {
    UniqueFd netns = farm.host.partition(numbered(i));
    Server server(netns.get(), numbered(i), {"80"});
    CHECK(ask(farm.host.outside(), kHost4, 8000 + i) == numbered(i) + " 192.0.2.9");
  }
  all_must(farm.host, release);
  CHECK(leased(farm.host).empty());
}

TEST_CASE("several processes attach and detach the same partition at once, and it is one or the other") {
  Farm farm;
  for (int round = 0; round < (time_factor() > 1 ? 2 : 5); ++round) {
    std::vector<Process> running;
    for (int i = 0; i < 4; ++i) {
      running.emplace_back(
          farm.host.command({"network", "attach", "--make", "-p", "8080:80", "web1", "farm"}));
      running.emplace_back(farm.host.command({"network", "detach", "web1", "farm"}));
      running.emplace_back(farm.host.command({"network", "release", "web1"}));
    }
    for (Process& process : running) {
      Finished done = process.wait(30);
      INFO(done.err);
      CHECK((done.code == 0 || done.code == 1));
    }
    Finished check = farm.host.shoji({"network", "check"});
    // A namespace that was pinned by who attached, and that nothing is in, may be left: release takes it away.
    if (check.code != 0) CHECK(check.out == containing("nobody is in its pinned network namespace"));
    CHECK(std::ranges::count(check.out, '\n') <= 1);
    farm.host.must({"network", "release", "web1"});
    farm.add("web1", {"-p", "8080:80"});
    CHECK(ask(farm.host.outside(), kHost4, 8080) == "web1 192.0.2.9");
    farm.stop("web1");
    farm.host.must({"network", "release", "web1"});
  }
}

TEST_CASE("of several that want the same address or port, one gets it") {
  Farm farm;
  auto winners = [&](const Words& options) {
    std::vector<Process> running;
    for (int i = 0; i < 6; ++i)
      running.emplace_back(
          farm.host.command(Words{"network", "attach", "--make"} + options + Words{numbered(i), "farm"}));
    int count = 0;
    for (Process& process : running) {
      Finished done = process.wait(30);
      count += done.code == 0 ? 1 : 0;
      if (done.code != 0) CHECK(done.err == containing("web"));
    }
    for (int i = 0; i < 6; ++i) farm.host.must({"network", "release", numbered(i)});
    return count;
  };
  CHECK(winners({"--ip", "10.7.0.50"}) == 1);
  CHECK(winners({"-p", "8080:80"}) == 1);
}
