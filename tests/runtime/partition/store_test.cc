#include "runtime/partition/store.h"

#include <sys/stat.h>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct Places {
  std::string path;
  PartitionStore store{"", ""};
  Places() {
    char name[] = "/tmp/shoji-partitions.XXXXXX";
    path = mkdtemp(name);
    store = PartitionStore(path + "/root", path + "/run");
  }
  ~Places() { ignore(remove_tree(path), "the test is over"); }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  void make(std::string_view name, char digit) const {
    PartitionDefinition definition;
    definition.id = std::string(64, digit);
    definition.document.name = name;
    definition.document.image = "nginx";
    definition.document.limits.cpu = 500;
    auto locked = store.reserve(name);
    REQUIRE(locked);
    REQUIRE(store.save(*locked, definition));
  }
};

}  // namespace

TEST_CASE("a partition is reserved, saved, found by name and id, and removed") {
  Places places;
  places.make("web1", 'a');
  places.make("web2", 'b');
  CHECK(places.store.names().value() == std::vector<std::string>{"web1", "web2"});
  CHECK(places.store.reserve("web1").error().kind == Kind::kExists);
  CHECK(places.store.load("web1")->document.limits.cpu == 500U);
  CHECK(places.store.resolve("bbb").value() == "web2");
  CHECK(places.store.resolve("ccc").error().text == "there is no partition \"ccc\"");
  CHECK(places.store.resolve("../web1").error().kind == Kind::kNotFound);
  places.make("web3", 'a');
  CHECK(places.store.resolve("aa").error().kind == Kind::kInvalid);
  auto locked = places.store.lock("web1");
  REQUIRE(locked);
  REQUIRE(places.store.remove(*locked));
  CHECK(places.store.lock("web1").error().kind == Kind::kNotFound);
}

TEST_CASE("a name that a killed verb reserved is free") {
  Places places;
  {
    REQUIRE(places.store.reserve("web1"));
  }
  CHECK(places.store.names()->empty());
  CHECK(places.store.lock("web1").error().kind == Kind::kNotFound);
  places.make("web1", 'a');
  CHECK(places.store.names()->size() == 1);
}

TEST_CASE("a partition is renamed as a whole") {
  Places places;
  places.make("web1", 'a');
  places.make("taken", 'b');
  REQUIRE(places.store.save_exit("web1", {.code = 3, .limit = {}, .reason = "exited"}));
  {
    auto locked = places.store.lock("web1");
    REQUIRE(locked);
    CHECK(places.store.rename(*locked, "taken").error().kind == Kind::kExists);
    REQUIRE(places.store.rename(*locked, "web9"));
  }
  CHECK(places.store.names().value() == std::vector<std::string>{"taken", "web9"});
  CHECK(places.store.load("web9")->document.name == "web9");
  CHECK(places.store.load_exit("web9").value()->code == 3);
}

TEST_CASE("what runs and how it ended is kept") {
  Places places;
  places.make("web1", 'a');
  CHECK_FALSE(places.store.load_run("web1").value());
  REQUIRE(make_directories(places.store.run_directory("web1"), 0700));
  PartitionRun run{
      .keeper = 12, .keeper_started = 34, .pid = 56, .pid_started = 78, .started = 90, .health = "healthy"};
  REQUIRE(places.store.save_run("web1", run));
  CHECK(places.store.load_run("web1").value() == run);
  REQUIRE(places.store.forget_run("web1"));
  CHECK_FALSE(places.store.load_run("web1").value());
  PartitionExit exit{
      .code = 137, .signal = 9, .out_of_memory = true, .limit = "/x", .reason = "killed", .finished = 5};
  REQUIRE(places.store.save_exit("web1", exit));
  CHECK(places.store.load_exit("web1").value() == exit);
}

TEST_CASE("a definition of a newer format is refused by name") {
  Places places;
  places.make("web1", 'a');
  REQUIRE(write_file_atomically(places.store.directory("web1") + "/partition.json", R"({"format": 2})"));
  auto loaded = places.store.load("web1");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().kind == Kind::kUnsupported);
  CHECK(loaded.error().text.ends_with("is of format 2, this shoji knows 1"));
}
