// Verbs that are killed in their middle: the next verb mends what they left.
#include <random>

#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"
#include "tests/integration/network/interrupted.h"
#include "tests/integration/rounds.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// One verb, what has to be there before it, and what removes all of it.
struct Story {
  const char* what;
  std::vector<Words> before;
  Words verb;
  std::vector<Words> after;
};

const Words kWeb1 = {"network", "attach",    "--make",    "-p",    "8080-8083:80-83",
                     "-p",      "53:53/udp", "--rate-in", "1gbit", "--rate-out",
                     "1gbit",   "--deny",    "in:tcp:22", "web1",  "farm"};
const Words kWeb2 = {"network", "attach", "--make", "web2", "farm"};
// A namespace that nothing is in any more would be told by check.
const Words kSpare = {"network", "attach", "web1", "spare"};
const Words kService = {"service", "create", "site", "80", "web1:80", "web2:80"};

constexpr const char* kDocument = R"({"attach": [
  {"partition": "web1", "makeNetns": true, "networks": [{"network": "farm", "publish": ["8080:80"], "rateOut": "1gbit"}]},
  {"partition": "web2", "makeNetns": true, "networks": [{"network": "farm", "deny": ["in:tcp:22"]}]}]})";

std::vector<Story> stories(const std::string& document) {
  Words release = {"network", "release", "web1", "web2"};
  Words remove = {"service", "rm", "site"};
  return {
      {"attach", {}, kWeb1, {release}},
      {"detach", {kWeb1, kSpare}, {"network", "detach", "web1", "farm"}, {release}},
      {"release", {kWeb1, kWeb2}, release, {release}},
      {"apply", {}, {"network", "apply", document}, {release}},
      {"set",
       {kWeb1},
       {"network", "set", "--rate-out", "10mbit", "-p", "9090:80", "web1", "farm"},
       {release}},
      {"service create", {kWeb1, kWeb2}, kService, {remove, release}},
      {"service add",
       {kWeb1, kWeb2, kService},
       {"service", "add", "site", "10.7.0.77:80"},
       {remove, release}},
      {"service drain", {kWeb1, kWeb2, kService}, {"service", "drain", "site", "web1:80"}, {remove, release}},
      {"service rm", {kWeb1, kWeb2, kService}, remove, {remove, release}},
      {"network create",
       {},
       {"network", "create", "--subnet", "10.8.0.0/24", "other"},
       {{"network", "rm", "-f", "other"}}},
  };
}

// Verbs about something else, after which things are as they were. Services are mended by the next verb about services.
void next_verb(const Farm& farm, bool services) {
  farm.attach("bystander");
  farm.host.must({"network", "release", "bystander"});
  if (services) farm.host.must({"service", "ls"});
}

}  // namespace

TEST_CASE("a verb killed at any moment leaves nothing that the next one does not mend", "[fault]") {
  Farm farm;
  std::string document = farm.host.file("farm.json", kDocument);
  farm.host.must({"network", "create", "--subnet", "10.6.0.0/24", "spare"});
  // Files of names are there until their networks go.
  for (const Words& words :
       {kWeb1, kSpare, Words{"network", "detach", "web1", "farm"}, Words{"network", "release", "web1"}})
    farm.host.must(words);
  next_verb(farm, true);
  std::string before;
  REQUIRE(eventually(
      [&] { return before = farm.host.leftovers(), before.find("process ") == std::string::npos; }));
  std::mt19937 random(seed());
  std::map<std::string, size_t> moments;
  std::vector<Story> all = stories(document);
  for (unsigned round = 0; round < rounds(time_factor() > 1 ? 6 : 20); ++round) {
    const Story& story = all[random() % all.size()];
    auto remove_all = [&] {
      // Of a thing that is half there some say that it is not there.
      for (const Words& words : story.after) farm.host.shoji(words);
    };
    for (const Words& words : story.before) farm.host.must(words);
    if (!moments.contains(story.what)) {
      moments[story.what] = moments_of(farm.host.command(story.verb));
      remove_all();
      for (const Words& words : story.before) farm.host.must(words);
    }
    size_t moment = random() % moments[story.what];
    INFO("round " << round << ", seed " << seed() << ": " << story.what << " killed at " << moment);
    kill_at(farm.host.command(story.verb), moment);
    next_verb(farm, std::string_view(story.what).starts_with("service"));
    Finished check = farm.host.shoji({"network", "check"});
    CHECK(check.out + check.err == "");
    CHECK(check.code == 0);
    remove_all();
    bool gone = eventually([&] { return farm.host.changes_since(before).empty(); }, 10);
    if (!gone) FAIL(farm.host.changes_since(before));
  }
}
