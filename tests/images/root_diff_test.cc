#include <sys/mount.h>
#include <sys/xattr.h>

#include "images/roots/changeset.h"
#include "images/roots/image_diff.h"
#include "images/roots/mount_api.h"
#include "images/roots/tree_walk.h"
#include "images/roots/xattrs.h"
#include "tests/images/layered_image.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

const std::string kBig(20'000, 'b');  // more than what is inlined into metadata

std::vector<LayerFormat> formats() {
  // Files of erofs are mounted from Linux 6.12 on.
  if (kernel_version() < 6012) return {LayerFormat::kTree};
  return {LayerFormat::kTree, LayerFormat::kComposed};
}

// Two layers with something of every kind, and a root of it.
struct DiffFixture {
  explicit DiffFixture(LayerFormat which)
      : format(which), fixture(which == LayerFormat::kTree ? "tree" : "composed") {
    add_layer(store(), image,
              archive_of({a_directory("etc"), a_file("etc/hosts", "hosts"), a_file("etc/big", kBig),
                          a_directory("usr"), a_directory("usr/lib"), a_file("usr/lib/one", kBig + "1"),
                          a_file("usr/lib/two", "2"), a_directory("empty"), a_directory("var"),
                          a_file("var/log", "log"), a_file("plain", kBig), a_directory("deep"),
                          a_directory("deep/er"), a_file("deep/er/file", kBig + "deep")}),
              format);
    add_layer(store(), image,
              archive_of({a_directory("usr"), a_file("usr/second", "s"), a_file("etc/passwd", "root")}),
              format);
    if (format == LayerFormat::kComposed) REQUIRE_GOOD(prepare_image(store(), image, format));
    good(create_root(store(), "r", "test", image, {}));
  }
  [[nodiscard]] const Store& store() const { return fixture.store(); }
  [[nodiscard]] Root root() const { return good(find_root(store(), "r")); }
  [[nodiscard]] UniqueFd open() const { return good(open_root(store(), root(), {})); }
  [[nodiscard]] std::vector<std::string> diff() const { return texts(good(diff_root(store(), root()))); }
  static std::vector<std::string> texts(const std::vector<Change>& changes) {
    std::vector<std::string> out;
    for (const Change& change : changes) out.push_back(cat(static_cast<char>(change.kind), " ", change.path));
    return out;
  }
  // The image with the root's changes as one more layer.
  [[nodiscard]] Image committed() const {
    StringSink tar;
    REQUIRE_GOOD(write_changeset(store(), root(), tar));
    Image next = image;
    add_layer(store(), next, tar.text, format);
    if (format == LayerFormat::kComposed) REQUIRE_GOOD(prepare_image(store(), next, format));
    return next;
  }

  LayerFormat format;
  RootFixture fixture;
  Image image;
};

using Texts = std::vector<std::string>;

// Differences between what a root shows and the image made of it.
Texts differences(int root, int image) {
  Texts out;
  TreeWalk walk{.before = root, .after = image, .uppers = {}, .same = {}, .found = {}};
  walk.same = [&](const std::string& path, const struct stat& a, const struct stat& b) -> Result<bool> {
    struct stat times = b;
    if (S_ISLNK(a.st_mode) || S_ISREG(a.st_mode)) times.st_rdev = a.st_rdev;
    if (!same_attributes(a, times)) return false;
    TRY_ASSIGN(UniqueFd first, open_below(root, path, O_PATH | O_NOFOLLOW));
    TRY_ASSIGN(UniqueFd second, open_below(image, path, O_PATH | O_NOFOLLOW));
    TRY_ASSIGN(auto one, list_opened_xattrs(first.get()));
    TRY_ASSIGN(auto other, list_opened_xattrs(second.get()));
    if (one != other) return false;
    return !S_ISREG(a.st_mode) || text_at(root, path.substr(1)) == text_at(image, path.substr(1));
  };
  walk.found = [&](const Change& change) -> Result<> {
    out.push_back(cat(static_cast<char>(change.kind), " ", change.path));
    return {};
  };
  REQUIRE_GOOD(walk.run());
  return out;
}

void change_much(int root) {
  write_at(root, "etc/hosts", "changed");
  REQUIRE(fchmodat(root, "etc/big", 0600, 0) == 0);  // composed: only metadata is copied up
  REQUIRE(fchownat(root, "plain", 5, 6, 0) == 0);
  REQUIRE(unlinkat(root, "etc/passwd", 0) == 0);
  REQUIRE(unlinkat(root, "empty", AT_REMOVEDIR) == 0);
  // A directory removed and made again hides what was in it.
  REQUIRE(unlinkat(root, "usr/lib/one", 0) == 0);
  REQUIRE(unlinkat(root, "usr/lib/two", 0) == 0);
  REQUIRE(unlinkat(root, "usr/lib", AT_REMOVEDIR) == 0);
  REQUIRE(mkdirat(root, "usr/lib", 0700) == 0);
  write_at(root, "usr/lib/two", "two");
  // A file becomes a directory, a directory a link.
  REQUIRE(unlinkat(root, "var/log", 0) == 0);
  REQUIRE(mkdirat(root, "var/log", 0750) == 0);
  write_at(root, "var/log/messages", "m");
  REQUIRE(mkdirat(root, "new", 0755) == 0);
  write_at(root, "new/file", "n");
  REQUIRE(linkat(root, "new/file", root, "new/link", 0) == 0);
  REQUIRE(symlinkat("../etc", root, "new/symlink") == 0);
  REQUIRE(mkfifoat(root, "new/pipe", 0640) == 0);
  UniqueFd sparse = good(open_at(root, "new/sparse", O_WRONLY | O_CREAT, 0600));
  REQUIRE(pwrite(sparse.get(), "x", 1, 10 << 20) == 1);
  REQUIRE(fsetxattr(sparse.get(), "user.note", "hello", 5, 0) == 0);
}

}  // namespace

TEST_CASE("a root's changes are listed in path order") {
  for (LayerFormat format : formats()) {
    INFO((format == LayerFormat::kTree ? "tree" : "composed"));
    DiffFixture f(format);
    CHECK(f.diff().empty());
    UniqueFd mount = f.open();
    CHECK(text_at(mount.get(), "usr/lib/one") == kBig + "1");
    CHECK(f.diff().empty());
    change_much(mount.get());
    Texts expected{"C /etc",         "C /etc/big",  "C /etc/hosts", "D /etc/passwd",      "D /empty",
                   "A /new",         "A /new/file", "A /new/link",  "A /new/pipe",        "A /new/sparse",
                   "A /new/symlink", "C /plain",    "C /usr",       "C /usr/lib",         "D /usr/lib/one",
                   "C /usr/lib/two", "C /var",      "C /var/log",   "A /var/log/messages"};
    Texts sorted = expected, got = f.diff();  // while it is in use
    CHECK(std::ranges::is_sorted(got, {}, [](const std::string& text) { return text.substr(2); }));
    std::ranges::sort(sorted);
    std::ranges::sort(got);
    CHECK(got == sorted);
    mount.reset();
    got = f.diff();
    std::ranges::sort(got);
    CHECK(got == sorted);
  }
}

TEST_CASE("a changeset makes an image that is what the root was") {
  for (LayerFormat format : formats()) {
    INFO((format == LayerFormat::kTree ? "tree" : "composed"));
    DiffFixture f(format);
    {
      UniqueFd mount = f.open();
      change_much(mount.get());
    }
    // Some of it frozen, the rest not.
    REQUIRE_GOOD(snapshot_root(f.store(), "r", "s"));
    UniqueFd mount = f.open();
    write_at(mount.get(), "etc/hosts", "changed again");
    write_at(mount.get(), "etc/passwd", "back");
    REQUIRE(unlinkat(mount.get(), "new/symlink", 0) == 0);
    REQUIRE(fchmodat(mount.get(), "deep/er/file", 0, 0) == 0);
    if (format == LayerFormat::kComposed) {
      REQUIRE(renameat(mount.get(), "deep", mount.get(), "moved") == 0);
    } else {
      CHECK(renameat(mount.get(), "deep", mount.get(), "moved") == -1);
      CHECK(errno == EXDEV);
    }
    Image next = f.committed();
    UniqueFd image = good(open_image(f.store(), next, format, {}));
    CHECK(differences(mount.get(), image.get()) == Texts());
    CHECK(stat_at(image.get(), "new/sparse").st_size == (10 << 20) + 1);
    CHECK(stat_at(image.get(), "new/link").st_ino == stat_at(image.get(), "new/file").st_ino);
    // The changes of the image are those of the root, but for directories, of which only attributes count.
    Texts of_image = DiffFixture::texts(good(diff_images(f.store(), f.image, next, format)));
    for (const std::string& change : of_image) CHECK(std::ranges::count(f.diff(), change) == 1);
    CHECK(std::ranges::count(of_image, "C /etc/big") == 1);
    CHECK(std::ranges::count(of_image, "A /new/sparse") == 1);
  }
}

TEST_CASE("the same changes give the same changeset, byte for byte") {
  DiffFixture f(LayerFormat::kTree);
  {
    UniqueFd mount = f.open();
    change_much(mount.get());
  }
  StringSink first, second;
  REQUIRE_GOOD(write_changeset(f.store(), f.root(), first));
  REQUIRE_GOOD(write_changeset(f.store(), f.root(), second));
  CHECK(first.text == second.text);
}

TEST_CASE("images differ in what was changed, and in nothing else") {
  for (LayerFormat format : formats()) {
    INFO((format == LayerFormat::kTree ? "tree" : "composed"));
    DiffFixture f(format);
    CHECK(good(diff_images(f.store(), f.image, f.image, format)).empty());
    Image next = f.image;
    Member touched = a_file("etc/hosts", "HOSTS");  // of the same size and time
    Member shifted = a_file("plain", kBig);
    shifted.entry.mtime += 1;
    add_layer(f.store(), next,
              archive_of({touched, shifted, a_file("usr/.wh.second", ""), a_file("var/log", "log")}), format);
    if (format == LayerFormat::kComposed) REQUIRE_GOOD(prepare_image(f.store(), next, format));
    CHECK(DiffFixture::texts(good(diff_images(f.store(), f.image, next, format))) ==
          Texts{"C /etc/hosts", "C /plain", "D /usr/second"});
    CHECK(DiffFixture::texts(good(diff_images(f.store(), next, f.image, format))) ==
          Texts{"C /etc/hosts", "C /plain", "A /usr/second"});
  }
}

TEST_CASE("a composed root shares its contents with the store, and copies only what is written") {
  if (kernel_version() < 6012) return;
  DiffFixture f(LayerFormat::kComposed);
  UniqueFd mount = f.open();
  REQUIRE(fchmodat(mount.get(), "etc/big", 0640, 0) == 0);
  std::string upper = cat(f.store().path(), "/roots/r/disk/upper/etc/big");
  CHECK(stat_at(AT_FDCWD, upper).st_blocks * 512 <= 4096);  // its attributes
  CHECK(has_xattr(upper, "trusted.overlay.metacopy"));
  CHECK(text_at(mount.get(), "etc/big") == kBig);
  mount.reset();
  good(clone_root(f.store(), "r", "c"));
  UniqueFd clone = good(open_root(f.store(), good(find_root(f.store(), "c")), {}));
  CHECK(text_at(clone.get(), "etc/big") == kBig);
  CHECK((stat_at(clone.get(), "etc/big").st_mode & 0777) == 0640);
}

TEST_CASE("a composed root is shifted, read-only, or both") {
  if (kernel_version() < 6012) return;
  DiffFixture f(LayerFormat::kComposed);
  MountOptions shifted{.uids = {{0, 100'000, 65'536}}, .gids = {{0, 200'000, 65'536}}};
  good(create_root(f.store(), "ro", "test", f.image, {.read_only = true}));
  for (const char* name : {"r", "ro"}) {
    UniqueFd mount = good(open_root(f.store(), good(find_root(f.store(), name)), shifted));
    CHECK(stat_at(mount.get(), "usr/lib/one").st_uid == 100'000);
    CHECK(stat_at(mount.get(), "etc").st_gid == 200'000);
    CHECK(text_at(mount.get(), "usr/lib/one") == kBig + "1");
    CHECK(text_at(mount.get(), "etc/hosts") == "hosts");
  }
  UniqueFd image = good(open_image(f.store(), f.image, LayerFormat::kComposed, shifted));
  CHECK(text_at(image.get(), "plain") == kBig);
  auto wrong = create_root(f.store(), "u", "test", f.image, {.userxattr = true});
  REQUIRE_FALSE(wrong);  // there are no trees of this image
  CHECK(wrong.error().kind == Kind::kNotFound);
}
