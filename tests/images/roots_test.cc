#include "images/roots/facts.h"
#include "tests/images/root_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

TEST_CASE("facts of a root are read as they were written") {
  RootFacts facts;
  Root& root = facts.root;
  root.name = "web1";
  root.image = "registry.example/nginx:1";
  root.config = Digest::make(HashAlgorithm::kSha256, std::string(64, 'a'));
  root.format = LayerFormat::kComposed;
  root.diff_ids = {Digest::make(HashAlgorithm::kSha256, std::string(64, 'b')),
                   Digest::make(HashAlgorithm::kSha512, std::string(128, 'c'))};
  root.options = {.read_only = false,
                  .volatile_upper = true,
                  .userxattr = true,
                  .quota_bytes = 5,
                  .quota_inodes = 6,
                  .labels = "l\n\"x"};
  root.frozen = {"1", "own-2"};
  root.snapshots = {{"before", 17, {"1"}}, {"empty", 18, {}}};
  facts.pending = {"3"};
  facts.reset_upper = true;
  RootFacts read = good(parse_facts(print_facts(facts), "web1"));
  CHECK(print_facts(read) == print_facts(facts));
  CHECK(read.reset_upper);
  CHECK(read.root.diff_ids == root.diff_ids);
  CHECK(read.root.options.labels == root.options.labels);
  CHECK(read.root.snapshots.at(0).frozen == std::vector<std::string>{"1"});
  CHECK(used_frozen(read.root) == std::vector<std::string>{"1", "own-2"});
}

TEST_CASE("names of roots are one plain path component") {
  RootFixture fixture;
  Image image = fixture.image(1);
  for (const char* name : {"", ".", "..", ".x", "-x", "a/b", "a b", "ä"}) {
    auto root = create_root(fixture.store(), name, "test", image, {});
    INFO(name);
    REQUIRE_FALSE(root);
    CHECK(root.error().kind == Kind::kInvalid);
  }
  CHECK(create_root(fixture.store(), std::string(128, 'a'), "test", image, {}));
  CHECK_FALSE(create_root(fixture.store(), std::string(129, 'a'), "test", image, {}));
}

TEST_CASE("roots are found, listed and removed by name") {
  RootFixture fixture;
  Image image = fixture.image(2);
  for (const char* name : {"b", "a"})
    good(create_root(fixture.store(), name, "test:1", image, {.labels = "mine"}));
  auto roots = good(list_roots(fixture.store()));
  REQUIRE(roots.size() == 2);
  CHECK(roots[0].name == "a");
  Root found = good(find_root(fixture.store(), "b"));
  CHECK(found.image == "test:1");
  CHECK(found.config == image.id());
  CHECK(found.diff_ids == image.config.diff_ids);
  CHECK(found.options.labels == "mine");
  auto twice = create_root(fixture.store(), "a", "test", image, {});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().kind == Kind::kExists);
  CHECK(twice.error().text == "root \"a\" exists");
  REQUIRE_GOOD(remove_root(fixture.store(), "a"));
  auto gone = find_root(fixture.store(), "a");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().kind == Kind::kNotFound);
  CHECK(remove_root(fixture.store(), "a").error().text == "there is no root \"a\"");
  CHECK(good(list_roots(fixture.store())).size() == 1);
}

TEST_CASE("a half-made root is not listed, can be removed, and its name be taken") {
  RootFixture fixture;
  Image image = fixture.image(1);
  std::string path = cat(fixture.store().path(), "/roots/half");
  REQUIRE_GOOD(make_directories(path + "/disk/upper/x", 0755));
  CHECK(good(list_roots(fixture.store())).empty());
  SECTION("removed") {
    REQUIRE_GOOD(remove_root(fixture.store(), "half"));
    CHECK_FALSE(exists_at(AT_FDCWD, path));
  }
  SECTION("cleaned") {
    CHECK(good(clean_roots(fixture.store())) == 1);
    CHECK_FALSE(exists_at(AT_FDCWD, path));
    CHECK(good(clean_roots(fixture.store())) == 0);
  }
  SECTION("taken") {
    Root root = good(create_root(fixture.store(), "half", "test", image, {}));
    UniqueFd mount = good(open_root(fixture.store(), root, {}));
    CHECK_FALSE(exists_at(mount.get(), "x"));
  }
}
