#include "images/unify/unify.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "images/unify/layer_record.h"
#include "images/unify/usage.h"
#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

struct stat facts_of(const std::string& path) {
  struct stat st{};
  INFO(path);
  REQUIRE(lstat(path.c_str(), &st) == 0);
  return st;
}
bool same_inode(const std::string& a, const std::string& b) {
  return facts_of(a).st_ino == facts_of(b).st_ino;
}
void set_mtime(const std::string& path, int64_t seconds, long nanoseconds = 7) {
  const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

struct Case {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));

  [[nodiscard]] std::string tree(std::string_view layer) const { return layer_path(store, layer) + "/tree"; }
  // A file of a layer that is a tree.
  std::string put(std::string_view layer, const std::string& path, std::string_view text) const {
    std::string whole = cat(tree(layer), '/', path);
    REQUIRE(make_directories(whole.substr(0, whole.rfind('/')), 0755));
    REQUIRE(write_file_atomically(whole, text, 0644));
    set_mtime(whole, 1000);
    set_mtime(whole.substr(0, whole.rfind('/')), 2000);
    set_mtime(tree(layer), 3000);
    return whole;
  }
  Image name(std::string_view image, const std::vector<std::string>& layers) const {
    REQUIRE(give_name(store, image, make_image(store, layers)));
    return *find_image(store, image);
  }
  Unified unify(std::string_view image) const {
    auto unified = unify_image(store, *find_image(store, image));
    INFO((unified ? std::string() : unified.error().text));
    REQUIRE(unified);
    return *unified;
  }
};

const std::string kText(10'000, 't');

}  // namespace

TEST_CASE("equal files of different images become one") {
  Case c;
  std::string one = c.put("one", "usr/lib/a", kText), two = c.put("two", "opt/b", kText);
  std::string own = c.put("two", "opt/own", "own");
  c.name("one", {"one"});
  c.name("two", {"two"});
  CHECK(c.unify("one").linked == 0);
  CHECK_FALSE(same_inode(one, two));
  uint64_t before = store_usage(c.store)->disk;
  Unified unified = c.unify("two");
  CHECK(unified.layers == 1);
  CHECK(unified.files == 2);
  CHECK(unified.linked == 1);
  CHECK(unified.bytes == static_cast<uint64_t>(facts_of(one).st_blocks) * 512);
  CHECK(same_inode(one, two));
  CHECK(read_file(two) == kText);
  CHECK(store_usage(c.store)->disk == before - unified.bytes);
  // Nothing of it is to be seen but the number of links.
  CHECK(facts_of(c.tree("two") + "/opt").st_mtim.tv_sec == 2000);
  CHECK(facts_of(c.tree("two") + "/opt").st_mtim.tv_nsec == 7);
  CHECK(facts_of(c.tree("two")).st_mtim.tv_sec == 3000);
  CHECK(facts_of(two).st_mtim.tv_sec == 1000);
  CHECK(c.unify("two").files == 0);
  CHECK(unify_store(c.store)->linked == 0);
  CHECK(verify_store(c.store, false)->faults.empty());
}

TEST_CASE("files that differ in anything stay apart") {
  Case c;
  std::string one = c.put("one", "a", kText), two = c.put("two", "a", kText);
  SECTION("content in the middle") {
    std::string other = kText;
    other[5000] = 'x';
    REQUIRE(write_file_atomically(two, other, 0644));
    set_mtime(two, 1000);
  }
  SECTION("mode") {
    REQUIRE(chmod(two.c_str(), 0600) == 0);
  }
  SECTION("set-id bits") {
    REQUIRE(chmod(two.c_str(), 04644) == 0);
  }
  SECTION("owner") {
    REQUIRE(chown(two.c_str(), 5, 0) == 0);
  }
  SECTION("group") {
    REQUIRE(chown(two.c_str(), 0, 5) == 0);
  }
  SECTION("seconds") {
    set_mtime(two, 1001);
  }
  SECTION("nanoseconds") {
    set_mtime(two, 1000, 8);
  }
  SECTION("xattrs") {
    REQUIRE(setxattr(two.c_str(), "user.a", "b", 1, 0) == 0);
  }
  SECTION("values of xattrs") {
    REQUIRE(setxattr(one.c_str(), "user.a", "a", 1, 0) == 0);
    REQUIRE(setxattr(two.c_str(), "user.a", "b", 1, 0) == 0);
  }
  c.name("one", {"one"});
  c.name("two", {"two"});
  CHECK(unify_store(c.store)->linked == 0);
  CHECK_FALSE(same_inode(one, two));
}

TEST_CASE("files that differ only in the middle each find their equals") {
  Case c;
  std::string other = kText;
  other[5000] = 'x';
  std::string one = c.put("one", "a", kText), two = c.put("two", "a", other),
              three = c.put("three", "a", other);
  for (const char* layer : {"one", "two", "three"}) c.name(layer, {layer});
  CHECK(unify_store(c.store)->linked == 1);
  CHECK(same_inode(two, three));
  CHECK_FALSE(same_inode(one, two));
}

TEST_CASE("two files of one image never become one") {
  Case c;
  c.put("other", "x", kText);
  c.name("other", {"other"});
  c.unify("other");
  std::string lower_a = c.put("lower", "a", kText), lower_b = c.put("lower", "b", kText);
  std::string upper = c.put("upper", "c", kText);
  c.name("stack", {"lower", "upper"});
  CHECK(c.unify("stack").linked == 1);
  CHECK_FALSE(same_inode(lower_a, lower_b));
  CHECK_FALSE(same_inode(lower_a, upper));
  CHECK_FALSE(same_inode(lower_b, upper));
}

TEST_CASE("an image's own hard links stay what they are") {
  Case c;
  c.put("one", "x", kText);
  c.name("one", {"one"});
  std::string a = c.put("two", "a", kText);
  REQUIRE(link(a.c_str(), (a + "-link").c_str()) == 0);
  c.name("two", {"two"});
  CHECK(unify_store(c.store)->linked == 0);
  CHECK(same_inode(a, a + "-link"));
  CHECK(facts_of(a).st_nlink == 2);
}

TEST_CASE("layers that were unified get inodes of their own when an image stacks them") {
  Case c;
  std::string one = c.put("one", "a", kText), two = c.put("two", "dir/b", kText);
  REQUIRE(setxattr(two.c_str(), "user.a", "b", 1, 0) == 0);
  REQUIRE(setxattr(one.c_str(), "user.a", "b", 1, 0) == 0);
  REQUIRE(chown(one.c_str(), 3, 4) == 0);
  REQUIRE(chown(two.c_str(), 3, 4) == 0);
  REQUIRE(chmod(one.c_str(), 06755) == 0);
  REQUIRE(chmod(two.c_str(), 06755) == 0);
  set_mtime(c.tree("two") + "/dir", 2000);
  c.name("one", {"one"});
  c.name("two", {"two"});
  REQUIRE(unify_store(c.store)->linked == 1);
  c.name("both", {"one", "two"});
  c.unify("both");
  CHECK_FALSE(same_inode(one, two));
  for (const std::string& path : {one, two}) {
    CHECK(read_file(path) == kText);
    CHECK(facts_of(path).st_mode == (S_IFREG | 06755));
    CHECK(facts_of(path).st_uid == 3);
    CHECK(facts_of(path).st_gid == 4);
    CHECK(facts_of(path).st_mtim.tv_nsec == 7);
    char value[4];
    CHECK(getxattr(path.c_str(), "user.a", value, sizeof value) == 1);
  }
  CHECK(facts_of(c.tree("two") + "/dir").st_mtim.tv_sec == 2000);
  CHECK(unify_store(c.store)->linked == 0);  // and it stays so
  CHECK_FALSE(same_inode(one, two));
}

TEST_CASE("a layer that a root uses is not changed, and others may be linked to it") {
  Case c;
  std::string one = c.put("one", "a", kText), two = c.put("two", "a", kText);
  c.name("one", {"one"});
  c.name("two", {"two"});
  REQUIRE(unify_image(c.store, *find_image(c.store, "one")));
  put_root(c.store, "web", *find_image(c.store, "two"));
  ino_t before = facts_of(two).st_ino;
  CHECK(unify_store(c.store)->linked == 0);
  CHECK(facts_of(two).st_ino == before);
  std::string three = c.put("three", "a", kText);
  c.name("three", {"three"});
  CHECK(c.unify("three").linked == 1);
  CHECK(same_inode(one, three));
}

TEST_CASE("a unification that was killed is finished", "[fault]") {
  Case c;
  std::string one = c.put("one", "a", kText), two = c.put("two", "dir/a", kText);
  c.name("one", {"one"});
  Image image = c.name("two", {"two"});
  REQUIRE(unify_store(c.store)->linked == 1);
  // As it was right after the record was written: a replacement not made, a time not set again.
  auto record = read_record(c.store, digest_of("two"));
  REQUIRE(record);
  CHECK(record->complete);
  record->complete = false;
  REQUIRE(write_record(c.store, digest_of("two"), *record));
  REQUIRE(write_file_atomically(two, kText, 0644));
  set_mtime(two, 1000);
  unlink((c.directory.path() + "/unify/images/" + image.id().file_name()).c_str());
  CHECK(facts_of(c.tree("two") + "/dir").st_mtim.tv_sec != 2000);
  CHECK(c.unify("two").linked == 1);
  CHECK(same_inode(one, two));
  CHECK(facts_of(c.tree("two") + "/dir").st_mtim.tv_sec == 2000);
}

TEST_CASE("the common file goes with the last layer that has it") {
  Case c;
  c.put("one", "a", kText);
  c.put("two", "a", kText);
  c.name("one", {"one"});
  c.name("two", {"two"});
  REQUIRE(unify_store(c.store)->linked == 1);
  auto common = [&] {
    size_t count = 0;
    for (const std::string& prefix : read_directory(c.directory.path() + "/unify/files"))
      count += read_directory(c.directory.path() + "/unify/files/" + prefix).size();
    return count;
  };
  REQUIRE(remove_name(c.store, *parse_reference("one")));
  REQUIRE(sweep(c.store, {}));
  CHECK(common() == 1);
  CHECK(read_directory(c.directory.path() + "/unify/images").size() == 1);
  REQUIRE(remove_name(c.store, *parse_reference("two")));
  auto would = sweep(c.store, {.all = false, .dry_run = true});
  auto swept = sweep(c.store, {});
  REQUIRE(swept);
  CHECK(common() == 0);
  CHECK(read_directory(c.directory.path() + "/unify/images").empty());
  CHECK(swept->bytes > 10'000);
  CHECK(would->bytes == swept->bytes);
}
