#include <sys/xattr.h>

#include <chrono>

#include "images/roots/copy_tree.h"
#include "tests/images/root_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

// A root named "r" of three layers.
struct RootR {
  RootFixture fixture;
  Image image = fixture.image(3);
  Root root = good(create_root(fixture.store(), "r", "test", image, {}));

  [[nodiscard]] const Store& store() const { return fixture.store(); }
  [[nodiscard]] UniqueFd open(const std::string& name = "r") const {
    return good(open_root(store(), good(find_root(store(), name)), {}));
  }
  [[nodiscard]] std::vector<std::string> frozen() const {
    std::string path = store().path() + "/frozen";
    return exists_at(AT_FDCWD, path) ? names_at(AT_FDCWD, path) : std::vector<std::string>();
  }
};

}  // namespace

TEST_CASE("a root goes back to each of its snapshots, and forth again") {
  RootR r;
  bool mounted = GENERATE(false, true);
  INFO((mounted ? "taken while mounted" : "taken while not mounted"));
  REQUIRE_GOOD(snapshot_root(r.store(), "r", "new"));  // never mounted: nothing to keep
  CHECK(r.frozen().empty());
  UniqueFd mount = r.open();
  write_at(mount.get(), "file", "1");
  REQUIRE(unlinkat(mount.get(), "layer-1", 0) == 0);
  if (!mounted) mount.reset();
  REQUIRE_GOOD(snapshot_root(r.store(), "r", "one"));
  if (!mounted) mount = r.open();
  CHECK(text_at(mount.get(), "file") == "1");
  CHECK_FALSE(exists_at(mount.get(), "layer-1"));
  write_at(mount.get(), "file", "2");
  write_at(mount.get(), "layer-1", "back");
  REQUIRE(unlinkat(mount.get(), "same", 0) == 0);
  if (!mounted) mount.reset();
  REQUIRE_GOOD(snapshot_root(r.store(), "r", "two"));
  CHECK(snapshot_root(r.store(), "r", "two").error().kind == Kind::kExists);
  if (mounted) CHECK(rollback_root(r.store(), "r", "one").error().kind == Kind::kState);
  mount.reset();

  REQUIRE_GOOD(rollback_root(r.store(), "r", "one"));
  mount = r.open();
  CHECK(text_at(mount.get(), "file") == "1");
  CHECK_FALSE(exists_at(mount.get(), "layer-1"));
  CHECK(text_at(mount.get(), "same") == "2");
  mount.reset();
  REQUIRE_GOOD(rollback_root(r.store(), "r", "two"));
  mount = r.open();
  CHECK(text_at(mount.get(), "file") == "2");
  CHECK(text_at(mount.get(), "layer-1") == "back");
  CHECK_FALSE(exists_at(mount.get(), "same"));
  mount.reset();
  REQUIRE_GOOD(rollback_root(r.store(), "r", "new"));
  mount = r.open();
  CHECK_FALSE(exists_at(mount.get(), "file"));
  CHECK(text_at(mount.get(), "layer-1") == "1");
  mount.reset();

  CHECK(rollback_root(r.store(), "r", "three").error().text == "root \"r\" has no snapshot \"three\"");
  CHECK(good(find_root(r.store(), "r")).snapshots.size() == 3);
  CHECK(r.frozen().size() == 2);
  for (const char* name : {"one", "new", "two"}) REQUIRE_GOOD(remove_snapshot(r.store(), "r", name));
  CHECK(r.frozen().empty());
  REQUIRE_GOOD(remove_root(r.store(), "r"));
  CHECK(names_at(AT_FDCWD, r.store().path() + "/roots").empty());
  CHECK(names_at(AT_FDCWD, r.store().path() + "/tmp").empty());
}

TEST_CASE("a clone starts where its origin is, and both go their own ways") {
  RootR r;
  bool mounted = GENERATE(false, true);
  INFO((mounted ? "cloned while mounted" : "cloned while not mounted"));
  UniqueFd mount = r.open();
  write_at(mount.get(), "file", "origin");
  write_at(mount.get(), "other", "origin");
  if (!mounted) mount.reset();
  Root clone = good(clone_root(r.store(), "r", "c"));
  CHECK(clone.name == "c");
  CHECK(clone_root(r.store(), "r", "c").error().text == "root \"c\" exists");
  CHECK(clone_root(r.store(), "nobody", "d").error().kind == Kind::kNotFound);
  if (!mounted) mount = r.open();
  UniqueFd cloned = r.open("c");
  CHECK(text_at(cloned.get(), "file") == "origin");
  CHECK(text_at(mount.get(), "file") == "origin");
  write_at(cloned.get(), "file", "clone");
  write_at(mount.get(), "other", "changed");
  CHECK(text_at(mount.get(), "file") == "origin");
  CHECK(text_at(cloned.get(), "other") == "origin");
  mount.reset();
  cloned.reset();
  bool origin_first = GENERATE(false, true);
  REQUIRE_GOOD(remove_root(r.store(), origin_first ? "r" : "c"));
  CHECK(r.frozen().size() == (mounted && !origin_first ? 0 : 1));
  UniqueFd left = r.open(origin_first ? "c" : "r");
  CHECK(text_at(left.get(), "file") == (origin_first ? "clone" : "origin"));
  CHECK(text_at(left.get(), "other") == (origin_first ? "origin" : "changed"));
  left.reset();
  REQUIRE_GOOD(remove_root(r.store(), origin_first ? "c" : "r"));
  CHECK(r.frozen().empty());
}

TEST_CASE("many clones of one root share its one frozen upper") {
  RootR r;
  {
    UniqueFd mount = r.open();
    write_at(mount.get(), "file", "origin");
  }
  bool snapshot = GENERATE(false, true);
  if (snapshot) REQUIRE_GOOD(snapshot_root(r.store(), "r", "s"));
  for (int i = 0; i < 50; ++i) good(clone_root(r.store(), "r", cat("c", i)));
  // A clone that was never mounted is a directory, and names of files that are there already.
  for (int i : {1, 49}) {
    std::string path = cat(r.store().path(), "/roots/c", i);
    CHECK(names_at(AT_FDCWD, path) == std::vector<std::string>{"facts.json"});
    CHECK(stat_at(AT_FDCWD, path + "/facts.json").st_nlink >= 51);
  }
  CHECK(r.frozen().size() == 1);
  CHECK(good(find_root(r.store(), "r")).frozen.size() == 1);
  UniqueFd one = r.open("c7"), other = r.open("c49");
  write_at(one.get(), "file", "mine");
  CHECK(text_at(other.get(), "file") == "origin");
  one.reset();
  other.reset();
  for (int i = 0; i < 50; ++i) REQUIRE_GOOD(remove_root(r.store(), cat("c", i)));
  CHECK(r.frozen().size() == 1);
  REQUIRE_GOOD(remove_root(r.store(), "r"));
  CHECK(r.frozen().empty());
}

TEST_CASE("a clone of a clone of a snapshot's root sees every layer") {
  RootR r;
  std::string name = "r";
  for (int i = 0; i < 5; ++i) {
    UniqueFd mount = r.open(name);
    write_at(mount.get(), cat("level-", i), name);
    mount.reset();
    REQUIRE_GOOD(snapshot_root(r.store(), name, "s"));
    std::string next = cat("clone", i);
    good(clone_root(r.store(), name, next));
    name = next;
  }
  UniqueFd mount = r.open(name);
  for (int i = 0; i < 5; ++i) CHECK(exists_at(mount.get(), cat("level-", i)));
  CHECK(good(find_root(r.store(), name)).snapshots.empty());
  CHECK(good(find_root(r.store(), name)).frozen.size() == 5);
}

TEST_CASE("the copy of an upper keeps whiteouts, attributes, links, holes, owners and times") {
  RootFixture fixture;
  std::string from = fixture.path() + "/from", to = fixture.path() + "/to";
  REQUIRE_GOOD(make_directories(from + "/dir/sub", 0755));
  RootFixture::write(from + "/dir/file", "text");
  REQUIRE(link((from + "/dir/file").c_str(), (from + "/second").c_str()) == 0);
  REQUIRE(mknod((from + "/gone").c_str(), S_IFCHR, 0) == 0);
  REQUIRE(mknod((from + "/pipe").c_str(), S_IFIFO | 0640, 0) == 0);
  REQUIRE(symlink("no/where", (from + "/link").c_str()) == 0);
  REQUIRE(setxattr((from + "/dir").c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0);
  REQUIRE(lsetxattr((from + "/link").c_str(), "trusted.x", "v", 1, 0) == 0);
  {
    UniqueFd sparse = good(open_file(from + "/sparse", O_WRONLY | O_CREAT, 0600));
    REQUIRE(pwrite(sparse.get(), "end", 3, 64 << 20) == 3);
    REQUIRE(ftruncate(sparse.get(), 100 << 20) == 0);
  }
  REQUIRE(chown((from + "/dir/file").c_str(), 11, 12) == 0);
  REQUIRE(chmod((from + "/dir/file").c_str(), 04751) == 0);
  REQUIRE(lchown((from + "/link").c_str(), 13, 14) == 0);
  REQUIRE(chmod((from + "/dir").c_str(), 0500) == 0);
  timespec times[2] = {{1, 2}, {1'000'000'000, 123'456'789}};
  REQUIRE(utimensat(AT_FDCWD, (from + "/dir").c_str(), times, 0) == 0);
  REQUIRE_GOOD(copy_upper_tree(from, to));

  CHECK(text_at(AT_FDCWD, to + "/second") == "text");
  CHECK(stat_at(AT_FDCWD, to + "/second").st_ino == stat_at(AT_FDCWD, to + "/dir/file").st_ino);
  CHECK(stat_at(AT_FDCWD, to + "/dir/file").st_mode == (S_IFREG | 04751));
  CHECK(stat_at(AT_FDCWD, to + "/dir/file").st_uid == 11);
  CHECK(S_ISCHR(stat_at(AT_FDCWD, to + "/gone").st_mode));
  CHECK(stat_at(AT_FDCWD, to + "/gone").st_rdev == 0);
  CHECK(stat_at(AT_FDCWD, to + "/pipe").st_mode == (S_IFIFO | 0640));
  CHECK(stat_at(AT_FDCWD, to + "/link").st_gid == 14);
  char value[8];
  CHECK(lgetxattr((to + "/link").c_str(), "trusted.x", value, sizeof value) == 1);
  CHECK(getxattr((to + "/dir").c_str(), "trusted.overlay.opaque", value, sizeof value) == 1);
  struct stat sparse = stat_at(AT_FDCWD, to + "/sparse");
  CHECK(sparse.st_size == 100 << 20);
  CHECK(sparse.st_blocks * 512 < 1 << 20);
  UniqueFd tail = good(open_file(to + "/sparse", O_RDONLY));
  CHECK(pread(tail.get(), value, 3, 64 << 20) == 3);
  CHECK(std::string(value, 3) == "end");
  struct stat dir = stat_at(AT_FDCWD, to + "/dir");
  CHECK((dir.st_mode & 07777) == 0500);
  CHECK(dir.st_mtim.tv_sec == 1'000'000'000);
  CHECK(dir.st_mtim.tv_nsec == 123'456'789);
}

TEST_CASE("the root directory keeps its mode over snapshots and clones") {
  RootR r;
  {
    UniqueFd mount = r.open();
    REQUIRE(fchmodat(mount.get(), ".", 0711, 0) == 0);
  }
  REQUIRE_GOOD(snapshot_root(r.store(), "r", "s"));
  good(clone_root(r.store(), "r", "c"));
  for (const char* name : {"r", "c"}) CHECK((stat_at(r.open(name).get(), ".").st_mode & 07777) == 0711);
}

TEST_CASE("a root without an upper has snapshots and clones of nothing") {
  RootFixture fixture;
  Image image = fixture.image(2);
  good(create_root(fixture.store(), "ro", "test", image, {.read_only = true}));
  REQUIRE_GOOD(snapshot_root(fixture.store(), "ro", "s"));
  Root clone = good(clone_root(fixture.store(), "ro", "c"));
  CHECK(clone.options.read_only);
  REQUIRE_GOOD(rollback_root(fixture.store(), "ro", "s"));
  UniqueFd mount = good(open_root(fixture.store(), clone, {}));
  CHECK(text_at(mount.get(), "same") == "1");
}

TEST_CASE("a root with as many layers as can be mounted is not given one more") {
  RootFixture fixture;
  Image image = fixture.image(499);
  Root root = good(create_root(fixture.store(), "deep", "test", image, {}));
  good(open_root(fixture.store(), root, {}));
  REQUIRE_GOOD(snapshot_root(fixture.store(), "deep", "last"));
  write_at(good(open_root(fixture.store(), root, {})).get(), "file", "x");
  auto more = snapshot_root(fixture.store(), "deep", "more");
  REQUIRE_FALSE(more);
  CHECK(more.error().text ==
        "root \"deep\" has 500 layers, and overlayfs takes no more: make an image of it, and a root of that");
  CHECK(text_at(good(open_root(fixture.store(), root, {})).get(), "file") == "x");
}
