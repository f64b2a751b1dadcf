#include <sys/fsuid.h>

#include "images/roots/mount_api.h"
#include "images/roots/root_plan.h"
#include "tests/images/root_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

// Mounts that anybody on this host sees of the store.
int mounts_of(const RootFixture& fixture) {
  std::string text = good(read_file("/proc/self/mountinfo"));
  int count = 0;
  for (size_t at = text.find(fixture.path()); at != std::string::npos; at = text.find(fixture.path(), at + 1))
    ++count;
  return count;
}

void check_layers(int root, int count) {
  std::string top = std::to_string(count - 1);
  CHECK(text_at(root, "same") == top);
  CHECK(text_at(root, "layer-0") == "0");
  CHECK(text_at(root, cat("layer-", top)) == top);
  CHECK(names_at(root, "d").size() == static_cast<size_t>(count));
}

}  // namespace

TEST_CASE("a root shows its image's layers, and what is written stays its own") {
  RootFixture fixture;
  bool legacy = GENERATE(false, true);
  int count = GENERATE(1, 10, 127);
  INFO("layers: " << count << (legacy ? ", mount(2)" : ""));
  Image image = fixture.image(count);
  Root root = good(create_root(fixture.store(), "web1", "test", image, {}));
  {
    UniqueFd mount = good(open_root(fixture.store(), root, {.uids = {}, .gids = {}, .force_legacy = legacy}));
    check_layers(mount.get(), count);
    write_at(mount.get(), "same", "mine");
    write_at(mount.get(), "new", "new");
    CHECK(unlinkat(mount.get(), "layer-0", 0) == 0);
    CHECK(mounts_of(fixture) == 0);
  }
  UniqueFd again = good(open_root(fixture.store(), root, {.uids = {}, .gids = {}, .force_legacy = legacy}));
  CHECK(text_at(again.get(), "same") == "mine");
  CHECK(text_at(again.get(), "new") == "new");
  CHECK_FALSE(exists_at(again.get(), "layer-0"));
  Root other = good(create_root(fixture.store(), "web2", "test", image, {}));
  UniqueFd untouched =
      good(open_root(fixture.store(), other, {.uids = {}, .gids = {}, .force_legacy = legacy}));
  check_layers(untouched.get(), count);
  CHECK(mounts_of(fixture) == 0);
}

TEST_CASE("500 layers where the kernel takes them, and a sentence for more") {
  RootFixture fixture;
  int count = GENERATE(500, 501);
  Image image = fixture.image(count);
  Root root = good(create_root(fixture.store(), "deep", "test", image, {}));
  auto mount = open_root(fixture.store(), root, {});
  if (count == 500) {
    if (!mount) FAIL(mount.error().text);
    check_layers(mount->get(), count);
  } else {
    REQUIRE_FALSE(mount);
    CHECK(mount.error().text == "mount root \"deep\": 501 layers, and overlayfs takes at most 500");
  }
}

TEST_CASE("ids are shifted by id-mapped mounts, and nothing is chowned") {
  RootFixture fixture;
  bool legacy = GENERATE(false, true);
  int count = GENERATE(1, 20);
  Image image = fixture.image(count);
  std::string tree = fixture.add_tree(image);
  RootFixture::write(tree + "/owned", "x");
  REQUIRE(chown((tree + "/owned").c_str(), 5, 6) == 0);
  MountOptions options{
      .uids = {{0, 100'000, 65'536}}, .gids = {{0, 200'000, 65'536}}, .force_legacy = legacy};
  Root root = good(create_root(fixture.store(), "mapped", "test", image, {}));
  {
    UniqueFd mount = good(open_root(fixture.store(), root, options));
    CHECK(stat_at(mount.get(), ".").st_uid == 100'000);
    CHECK(stat_at(mount.get(), "layer-0").st_gid == 200'000);
    CHECK(stat_at(mount.get(), "owned").st_uid == 100'005);
    CHECK(stat_at(mount.get(), "owned").st_gid == 200'006);
    // Who has the shifted ids makes files with ids of the image. The host's root has none there.
    CHECK(open_at(mount.get(), "never", O_WRONLY | O_CREAT, 0644).error().err == EOVERFLOW);
    setfsgid(200'000);
    setfsuid(100'000);
    UniqueFd made(openat(mount.get(), "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    CHECK(unlinkat(mount.get(), "layer-0", 0) == 0);
    setfsuid(0);
    setfsgid(0);
    REQUIRE(made);
    REQUIRE(fchown(made.get(), 100'007, 200'008) == 0);
    REQUIRE(fchownat(mount.get(), "owned", 100'001, 200'001, 0) == 0);
    CHECK(mounts_of(fixture) == 0);
  }
  std::string upper = cat(fixture.store().path(), "/roots/mapped/disk/upper");
  CHECK(stat_at(AT_FDCWD, upper + "/made").st_uid == 7);
  CHECK(stat_at(AT_FDCWD, upper + "/made").st_gid == 8);
  CHECK(stat_at(AT_FDCWD, upper + "/owned").st_uid == 1);
  CHECK(stat_at(AT_FDCWD, upper).st_uid == 0);
  CHECK(S_ISCHR(stat_at(AT_FDCWD, upper + "/layer-0").st_mode));
  CHECK(stat_at(AT_FDCWD, tree + "/owned").st_uid == 5);
  UniqueFd plain = good(open_root(fixture.store(), root, {}));
  CHECK(stat_at(plain.get(), "made").st_uid == 7);
}

TEST_CASE("a read-only root has no upper and refuses to be written") {
  RootFixture fixture;
  bool legacy = GENERATE(false, true);
  int count = GENERATE(1, 2);
  bool shifted = GENERATE(false, true);
  Image image = fixture.image(count);
  Root root = good(create_root(fixture.store(), "ro", "test", image, {.read_only = true}));
  MountOptions options{.uids = {}, .gids = {}, .force_legacy = legacy};
  if (shifted) options.uids = options.gids = {{0, 100'000, 65'536}};
  UniqueFd mount = good(open_root(fixture.store(), root, options));
  check_layers(mount.get(), count);
  auto written = open_at(mount.get(), "new", O_WRONLY | O_CREAT, 0644);
  REQUIRE_FALSE(written);
  CHECK(written.error().err == EROFS);
  CHECK_FALSE(exists_at(AT_FDCWD, cat(fixture.store().path(), "/roots/ro/disk/upper")));
  UniqueFd second = good(open_root(fixture.store(), root, options));  // as often as one likes
  UniqueFd image_mount = good(open_image(fixture.store(), image, LayerFormat::kTree, options));
  check_layers(image_mount.get(), count);
}

TEST_CASE("a volatile upper is gone when it is mounted again or unmounted") {
  RootFixture fixture;
  Image image = fixture.image(2);
  Root root = good(create_root(fixture.store(), "tmp", "test", image, {.volatile_upper = true}));
  {
    UniqueFd mount = good(open_root(fixture.store(), root, {}));
    write_at(mount.get(), "new", "x");
  }
  {
    UniqueFd mount = good(open_root(fixture.store(), root, {}));
    CHECK_FALSE(exists_at(mount.get(), "new"));
    write_at(mount.get(), "new", "x");
  }
  std::string place = fixture.path() + "/place";
  REQUIRE_GOOD(make_directories(place, 0755));
  REQUIRE_GOOD(mount_root(fixture.store(), root, place, {}));
  write_at(AT_FDCWD, place + "/again", "x");
  CHECK(good(find_root(fixture.store(), "tmp")).mounted_at == place);
  REQUIRE_GOOD(unmount_root(fixture.store(), root));
  CHECK(names_at(AT_FDCWD, cat(fixture.store().path(), "/roots/tmp/disk/upper")).empty());
  CHECK(good(find_root(fixture.store(), "tmp")).mounted_at.empty());
}

TEST_CASE("the root directory has the owner and mode that the image gives it") {
  RootFixture fixture;
  bool shifted = GENERATE(false, true);
  Image image = fixture.image(1);
  std::string tree = fixture.add_tree(image);
  REQUIRE(chmod(tree.c_str(), 01751) == 0);
  REQUIRE(chown(tree.c_str(), 3, 4) == 0);
  Root root = good(create_root(fixture.store(), "r", "test", image, {}));
  MountOptions options;
  if (shifted) options.uids = options.gids = {{0, 100'000, 65'536}};
  UniqueFd mount = good(open_root(fixture.store(), root, options));
  CHECK((stat_at(mount.get(), ".").st_mode & 07777) == 01751);
  CHECK(stat_at(mount.get(), ".").st_uid == (shifted ? 100'003 : 3));
  CHECK(stat_at(AT_FDCWD, cat(fixture.store().path(), "/roots/r/disk/upper")).st_gid == 4);
}

TEST_CASE("a root that is mounted, wherever, is not mounted again, nor removed") {
  RootFixture fixture;
  Image image = fixture.image(3);
  Root root = good(create_root(fixture.store(), "busy", "test", image, {}));
  UniqueFd mount = good(open_root(fixture.store(), root, {}));
  auto second = open_root(fixture.store(), root, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == Kind::kState);
  CHECK(second.error().text == "root \"busy\" is mounted already, here or by its partition");
  auto removed = remove_root(fixture.store(), "busy");
  REQUIRE_FALSE(removed);
  CHECK(removed.error().kind == Kind::kState);
  mount.reset();
  REQUIRE_GOOD(remove_root(fixture.store(), "busy"));
  CHECK(names_at(AT_FDCWD, fixture.store().path() + "/roots").empty());
}

TEST_CASE("a layer that is not there is named, and nothing is left") {
  RootFixture fixture;
  Image image = fixture.image(3);
  image.config.diff_ids.push_back(Digest::make(HashAlgorithm::kSha256, std::string(64, 'e')));
  auto root = create_root(fixture.store(), "hole", "test", image, {});
  REQUIRE_FALSE(root);
  CHECK(root.error().kind == Kind::kNotFound);
  CHECK(names_at(AT_FDCWD, fixture.store().path() + "/roots").empty());
}

TEST_CASE("the options of each kind of root are planned as documented") {
  OverlayPlan plan;
  plan.has_upper = true;
  CHECK(overlay_options(plan) ==
        std::vector<std::string>{"index=off", "xino=auto", "metacopy=off", "redirect_dir=nofollow"});
  plan.metacopy = true;
  plan.no_sync = true;
  CHECK(overlay_options(plan) ==
        std::vector<std::string>{"index=off", "xino=auto", "metacopy=on", "redirect_dir=on", "volatile"});
  plan.has_upper = false;
  CHECK(overlay_options(plan) ==
        std::vector<std::string>{"index=off", "xino=auto", "metacopy=on", "redirect_dir=follow"});
  plan.userxattr = true;
  CHECK(overlay_options(plan) == std::vector<std::string>{"index=off", "userxattr"});
}
