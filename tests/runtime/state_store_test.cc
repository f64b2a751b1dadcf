#include "runtime/state_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"
#include "runtime/facts_json.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

// A state root that does not exist yet, below a directory that goes away with the object.
struct Root {
  std::string directory;
  StateStore store;
  Root() : directory(make()), store(directory + "/state/root") {}
  ~Root() { ignore(remove_tree(directory), "a leftover below /tmp"); }
  static std::string make() {
    char name[] = "/tmp/shoji-store-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    return name;
  }
};

ContainerFacts sample() {
  ContainerFacts facts;
  facts.id = "web1";
  facts.bundle = "/srv/\"b\"";
  facts.rootfs = "/srv/b/root";
  facts.created = "2026-11-23T17:10:54.045034029Z";
  facts.owner = 1000;
  facts.pid = 4711;
  facts.start_time = 123456789012345;
  facts.cgroup_paths = {"/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"};
  facts.annotations = {{"org.example.z", "1"}, {"a", "line\n"}};
  facts.own_pid_namespace = false;
  facts.has_poststop = true;
  facts.late_steps = {{41, "execute \"/bin/x\""}};
  return facts;
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

}  // namespace

TEST_CASE("facts survive their text") {
  ContainerFacts facts = sample();
  auto again = facts_from_json(facts_to_json(facts), "state.json");
  REQUIRE(again);
  CHECK(facts_to_json(*again) == facts_to_json(facts));
  CHECK(again->annotations == facts.annotations);
  CHECK(again->start_time == facts.start_time);
  CHECK_FALSE(again->own_pid_namespace);
}

TEST_CASE("facts of another version or with a hole are refused by name") {
  auto newer = facts_from_json("{\"format\": 99}", "s");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().text == "\"s\": format 99 was written by another version of shoji");
  auto hole = facts_from_json("{\"format\": 1, \"id\": \"a\"}", "s");
  REQUIRE_FALSE(hole);
  CHECK(hole.error().text == "\"s\": \"bundle\" is missing");
}

TEST_CASE("an id is reserved once") {
  Root root;
  auto first = root.store.reserve("web1");
  REQUIRE(first);
  auto second = root.store.reserve("web1");
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == Kind::kExists);
  CHECK(second.error().text == "container with given ID already exists");
}

TEST_CASE("ids are those of runc") {
  for (const char* id : {"a", "web-1_2.3+x", "..."}) CHECK(StateStore::check_id(id));
  for (const char* id : {"", ".", "..", "a/b", "a b", "\xc3\xa4", "a\n"})
    CHECK_FALSE(StateStore::check_id(id));
  CHECK_FALSE(StateStore::check_id(std::string(256, 'a')));
  CHECK(StateStore::check_id(std::string(255, 'a')));
}

TEST_CASE("facts are seen when they are published") {
  Root root;
  auto container = root.store.reserve("web1");
  REQUIRE(container);
  CHECK(root.store.load("web1")->pid == 0);
  ContainerFacts intent = sample();
  intent.pid = 0;
  REQUIRE(root.store.save_intent(*container, intent));
  CHECK(root.store.load("web1")->cgroup_paths == intent.cgroup_paths);
  REQUIRE(root.store.stage(*container, sample()));
  CHECK(root.store.load("web1")->pid == 0);
  REQUIRE(root.store.publish(*container));
  CHECK(root.store.load("web1")->pid == 4711);
}

TEST_CASE("the configuration is copied as it is at that moment") {
  Root root;
  auto container = root.store.reserve("web1");
  REQUIRE(container);
  std::string file = root.directory + "/config.json";
  std::string text(200'000, 'x');
  REQUIRE(write_file_atomically(file, text));
  REQUIRE(root.store.save_config(*container, file));
  REQUIRE(write_file_atomically(file, "edited"));
  CHECK(root.store.load_config("web1") == text);
}

TEST_CASE("an intent of which nothing was written counts as none") {
  Root root;
  REQUIRE(root.store.reserve("web1"));
  REQUIRE(write_file_atomically(root.store.path("web1") + "/state.json", ""));
  auto facts = root.store.load("web1");
  REQUIRE(facts);
  CHECK(facts->id == "web1");
  CHECK(facts->owner == geteuid());
}

TEST_CASE("an unknown container does not exist") {
  Root root;
  for (const auto& text : {root.store.load("x").error().text, root.store.lock("x").error().text})
    CHECK(text == "container does not exist");
  CHECK(root.store.ids()->empty());
}

TEST_CASE("a removed container is gone with all that lay in its directory") {
  Root root;
  {
    auto container = root.store.reserve("b");
    REQUIRE(container);
    REQUIRE(root.store.reserve("a"));
    REQUIRE(root.store.save_intent(*container, sample()));
    REQUIRE(write_file_atomically(root.store.path("b") + "/unexpected", "x"));
  }
  CHECK(root.store.ids() == std::vector<std::string>{"a", "b"});
  auto locked = root.store.lock("b");
  REQUIRE(locked);
  REQUIRE(root.store.remove(*locked, "b"));
  CHECK_FALSE(exists(root.store.path("b")));
  CHECK(root.store.ids() == std::vector<std::string>{"a"});
}

TEST_CASE("a directory is busy while a verb holds it") {
  Root root;
  {
    auto container = root.store.reserve("web1");
    REQUIRE(container);
    CHECK(root.store.busy("web1"));
  }
  CHECK_FALSE(root.store.busy("web1"));
}
