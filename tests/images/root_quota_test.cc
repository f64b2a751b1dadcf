#include "images/roots/root_dir.h"
#include "tests/images/root_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

// How much can be written into a file there, up to 100 MiB.
uint64_t fill(int dir, const std::string& name) {
  UniqueFd fd = good(open_at(dir, name, O_WRONLY | O_CREAT, 0644));
  std::string block(1 << 20, 'x');
  uint64_t written = 0;
  for (int i = 0; i < 100; ++i) {
    ssize_t n = write(fd.get(), block.data(), block.size());
    if (n <= 0) return written;
    written += static_cast<uint64_t>(n);
  }
  return written;
}

bool is_in_mounts(const std::string& path) {
  return good(read_file("/proc/self/mountinfo")).find(path) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "a limited root holds what its limit says, in snapshots too, and its clones have limits of their own") {
  RootFixture fixture;
  if (good(quota_kind(fixture.store().path())) == QuotaKind::kNone) return;  // no loop devices
  constexpr uint64_t kLimit = 32 << 20;
  Image image = fixture.image(2);
  Root root = good(create_root(fixture.store(), "q", "test", image, {.quota_bytes = kLimit}));
  const Store& store = fixture.store();
  UniqueFd mount = good(open_root(store, root, {}));
  CHECK(text_at(mount.get(), "same") == "1");
  write_at(mount.get(), "kept", "k");
  {
    UniqueFd some = good(open_at(mount.get(), "some", O_WRONLY | O_CREAT, 0644));
    REQUIRE_GOOD(write_all(some.get(), std::string(8 << 20, 's'), "some"));
  }
  mount.reset();
  REQUIRE_GOOD(snapshot_root(store, "q", "s"));
  CHECK(good(find_root(store, "q")).frozen.size() == 1);
  CHECK(is_private_frozen(good(find_root(store, "q")).frozen.at(0)));
  mount = good(open_root(store, root, {}));
  uint64_t written = fill(mount.get(), "big");
  CHECK(written > 15 << 20);
  CHECK(written < 25 << 20);  // the snapshot counts
  QuotaUsage usage = good(root_usage(store, root));
  CHECK(usage.bytes <= kLimit);
  CHECK(usage.bytes > 24 << 20);
  CHECK(unlinkat(mount.get(), "big", 0) == 0);
  REQUIRE_GOOD(set_root_quota(store, "q", {.bytes = 2 * kLimit, .inodes = 0}));
  CHECK(fill(mount.get(), "big") > 45 << 20);
  CHECK(unlinkat(mount.get(), "big", 0) == 0);
  mount.reset();
  Root clone = good(clone_root(store, "q", "c"));
  CHECK(clone.options.quota_bytes == 2 * kLimit);
  mount = good(open_root(store, clone, {}));
  CHECK(text_at(mount.get(), "kept") == "k");
  CHECK(stat_at(mount.get(), "some").st_size == 8 << 20);
  CHECK(fill(mount.get(), "big") < 70 << 20);
  mount.reset();
  REQUIRE_GOOD(remove_snapshot(store, "q", "s"));
  CHECK(rollback_root(store, "q", "s").error().kind == Kind::kNotFound);
  for (const char* name : {"q", "c"}) REQUIRE_GOOD(remove_root(store, name));
  CHECK(names_at(AT_FDCWD, store.path() + "/roots").empty());
  CHECK(names_at(AT_FDCWD, store.path() + "/frozen").empty());
  CHECK_FALSE(is_in_mounts(fixture.path()));
}

TEST_CASE("a limited root that was unmounted is mounted nowhere, and comes back") {
  RootFixture fixture;
  if (good(quota_kind(fixture.store().path())) == QuotaKind::kNone) return;
  bool shifted = GENERATE(false, true);
  Image image = fixture.image(1);
  const Store& store = fixture.store();
  Root root = good(create_root(store, "q", "test", image, {.quota_bytes = 16 << 20}));
  MountOptions options;
  if (shifted) options.uids = options.gids = {{0, 100'000, 65'536}};
  REQUIRE_GOOD(mount_root(store, root, "", options));
  std::string merged = store.path() + "/roots/q/merged";
  CHECK(text_at(AT_FDCWD, merged + "/same") == "0");
  CHECK(stat_at(AT_FDCWD, merged).st_uid == (shifted ? 100'000 : 0));
  REQUIRE_GOOD(unmount_root(store, root));
  CHECK_FALSE(is_in_mounts(fixture.path()));
  CHECK(good(diff_root(store, root)).empty());
  UniqueFd mount = good(open_root(store, root, options));
  CHECK(text_at(mount.get(), "same") == "0");
  mount.reset();
  REQUIRE_GOOD(remove_root(store, "q"));
  CHECK_FALSE(is_in_mounts(fixture.path()));
}

TEST_CASE("a root without a limit has no usage, and cannot be given one") {
  RootFixture fixture;
  Root root = good(create_root(fixture.store(), "free", "test", fixture.image(1), {}));
  CHECK(good(root_usage(fixture.store(), root)).kind == QuotaKind::kNone);
  CHECK(set_root_quota(fixture.store(), "free", {.bytes = 1, .inodes = 0}).error().text ==
        "root \"free\" was made without a limit, and cannot be given one later");
}
