// A composed root and one of trees are the same root, whatever the layers: random stacks, and archives that mean harm.
#include <map>
#include <random>
#include <set>

#include "tests/catch.h"
#include "tests/images/composed_root.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

// A random layer, as tools write them: every directory above a member is a member before it.
class RandomLayer {
 public:
  explicit RandomLayer(uint32_t seed) : random_(seed) {}
  std::string make() {
    unsigned count = 1 + random_() % 40;
    for (unsigned i = 0; i < count; i++) add_one();
    return tar_.end();
  }

 private:
  std::string octal(unsigned number) {
    char text[12];
    snprintf(text, sizeof text, "%07o", number);
    return text;
  }
  TarBuilder::Fields fields(std::string name, char type) {
    return {.name = std::move(name),
            .type = type,
            .mode = octal(random_() % 01000),
            .uid = octal(random_() % 9),
            .gid = octal(random_() % 9),
            .mtime = octal(random_() % 100000)};
  }
  std::string pick_directory() {
    std::string path;
    for (unsigned depth = random_() % 4; depth > 0; depth--) {
      path += cat('d', random_() % 3, '/');
      if (files_.contains(path.substr(0, path.size() - 1))) return "";
      if (directories_.insert(path).second) tar_.add(fields(path, '5'));
    }
    return path;
  }
  void add_one() {
    std::string directory = pick_directory();
    std::string name = cat(random_() % 4 == 0 ? 'd' : 'f', random_() % 5), path = directory + name;
    switch (random_() % 10) {
      case 0:
        tar_.add(fields(cat(directory, ".wh.", name), '0'));
        return;
      case 1:
        // Not of the root: overlayfs does not look at what its layers' roots say of themselves.
        if (random_() % 3 == 0 && !directory.empty()) tar_.add(fields(directory + ".wh..wh..opq", '0'));
        return;
      case 2: {
        auto link = fields(path, '2');
        link.link = "f1";
        replace(path, link);
        return;
      }
      case 3:
        if (!files_.empty()) {
          auto link = fields(path, '1');
          link.link = *std::next(files_.begin(), static_cast<int>(random_() % files_.size()));
          replace(path, link);
        }
        return;
      case 4:
        replace(path, fields(path, '6'));
        return;
      default: {
        auto file = fields(path, '0');
        file.contents = std::string(random_() % 3 == 0 ? 600 : 5, static_cast<char>('a' + random_() % 9));
        replace(path, file);
      }
    }
  }
  // Within a layer a directory keeps being one: what a file in its place means for its members is another test.
  void replace(const std::string& path, const TarBuilder::Fields& fields) {
    if (directories_.contains(path + '/')) return;
    tar_.add(fields);
    files_.insert(path);
  }

  std::mt19937 random_;
  TarBuilder tar_;
  std::set<std::string> directories_, files_;
};

struct Verdict {
  Result<Digest> composed, tree;
};
Verdict unpack_both(const Store& store, const std::string& archive) {
  return {unpack_text(store, archive, LayerFormat::kComposed),
          unpack_text(store, archive, LayerFormat::kTree)};
}

}  // namespace

TEST_CASE("random stacks of layers are the same root composed and as trees", "[rounds]") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  for (uint32_t seed = 1; seed <= 40; seed++) {
    INFO("seed " << seed);
    std::vector<Digest> diff_ids;
    for (uint32_t layer = 0; layer < 1 + seed % 5; layer++) {
      std::string archive = RandomLayer(seed * 100 + layer).make();
      auto [composed, tree] = unpack_both(store, archive);
      INFO((composed ? "" : composed.error().text) << (tree ? "" : tree.error().text));
      REQUIRE(composed);
      REQUIRE(tree);
      REQUIRE(*composed == *tree);
      diff_ids.push_back(*composed);
    }
    Image image = image_of(diff_ids);
    REQUIRE(prepare_image(store, image, LayerFormat::kComposed));
    CHECK(fsck(cat(store.path(), "/composed/", image.id().file_name())) == "");
    if (!mounts_composed(store, image)) return;
    Result<UniqueFd> composed = mount_composed(store, image), trees = mount_trees(store, image);
    REQUIRE(composed);
    REQUIRE(trees);
    ListingOptions options{.listed_whiteouts = true, .link_counts = false};
    REQUIRE(difference(list_tree(composed->get(), options), list_tree(trees->get(), options)) == "");
  }
}

TEST_CASE("either format refuses the same archives, and nothing is left of them") {
  using Build = void (*)(TarBuilder&);
  struct Row {
    const char* name;
    bool good;
    Build build;
  };
  constexpr Row kRows[] = {
      {"an absolute path is one in the root", true,
       [](TarBuilder& t) { t.add({.name = "/etc/x", .contents = "x"}); }},
      {"..", false, [](TarBuilder& t) { t.add({.name = "../x", .contents = "x"}); }},
      {".. in the middle", false, [](TarBuilder& t) { t.add({.name = "a/../../x", .contents = "x"}); }},
      {"a file through a symlink", false,
       [](TarBuilder& t) {
         t.add({.name = "l", .type = '2', .link = "/etc"}).add({.name = "l/x", .contents = "x"});
       }},
      {"a file through a file", false,
       [](TarBuilder& t) { t.add({.name = "f", .contents = "x"}).add({.name = "f/x", .contents = "x"}); }},
      {"a hard link to nothing", false,
       [](TarBuilder& t) { t.add({.name = "h", .type = '1', .link = "x"}); }},
      {"a hard link outside", false,
       [](TarBuilder& t) { t.add({.name = "h", .type = '1', .link = "../x"}); }},
      {"a hard link to a directory", false,
       [](TarBuilder& t) {
         t.add({.name = "d/", .type = '5'}).add({.name = "h", .type = '1', .link = "d"});
       }},
      {"a hard link to itself", true,
       [](TarBuilder& t) { t.add({.name = "h", .type = '1', .link = "./h"}); }},
      {"a hard link to what was replaced by a directory", false,
       [](TarBuilder& t) {
         t.add({.name = "a", .contents = "x"})
             .add({.name = "a", .type = '5'})
             .add({.name = "h", .type = '1', .link = "a"});
       }},
      {"a hard link below what was a directory", false,
       [](TarBuilder& t) {
         t.add({.name = "a/f", .contents = "x"}).add({.name = "a", .contents = "y"});
         t.add({.name = "h", .type = '1', .link = "a/f"});
       }},
      {"a hard link to a whiteout", false,
       [](TarBuilder& t) { t.add({.name = ".wh.w"}).add({.name = "h", .type = '1', .link = "w"}); }},
      {"a hard link to what its own place removes", false,
       [](TarBuilder& t) {
         t.add({.name = "a/f", .contents = "x"}).add({.name = "a", .type = '1', .link = "a/f"});
       }},
      {"a whiteout below a symlink", false,
       [](TarBuilder& t) { t.add({.name = "l", .type = '2', .link = "/etc"}).add({.name = "l/.wh.x"}); }},
      {"an opaque mark below a symlink", false,
       [](TarBuilder& t) {
         t.add({.name = "l", .type = '2', .link = "/etc"}).add({.name = "l/.wh..wh..opq"});
       }},
      {"a device 0:0 in the place of a directory", true,
       [](TarBuilder& t) {
         t.add({.name = "d/x", .contents = "x"}).add({.name = "d", .type = '3', .major = "0", .minor = "0"});
       }},
      {"a reserved whiteout", false, [](TarBuilder& t) { t.add({.name = ".wh..wh.plnk"}); }},
      {"a whiteout of the directory itself", false, [](TarBuilder& t) { t.add({.name = "d/.wh.."}); }},
      {"a member below a whiteout's name", false, [](TarBuilder& t) { t.add({.name = ".wh.d/x"}); }},
      {"the root as a file", false, [](TarBuilder& t) { t.add({.name = ".", .contents = "x"}); }},
      {"a name of 256 bytes", false,
       [](TarBuilder& t) { t.pax(TarBuilder::record("path", std::string(256, 'n'))).add({.name = "n"}); }},
      {"a directory replaced by a file", true,
       [](TarBuilder& t) { t.add({.name = "d/x", .contents = "x"}).add({.name = "d", .contents = "y"}); }},
      {"a file twice", true,
       [](TarBuilder& t) { t.add({.name = "f", .contents = "x"}).add({.name = "f", .contents = "yy"}); }},
      {"a symlink replaced by a directory", true,
       [](TarBuilder& t) {
         t.add({.name = "d", .type = '2', .link = "/etc"})
             .add({.name = "d/", .type = '5'})
             .add({.name = "d/x"});
       }},
      {"an archive that ends inside a member", false,
       [](TarBuilder& t) { t.add({.name = "f", .contents = "x", .size = "00000777777"}); }},
  };
  for (const Row& row : kRows) {
    INFO(row.name);
    ScratchDirectory scratch;
    Store store = make_store(scratch.path + "/store");
    TarBuilder tar;
    row.build(tar);
    auto [composed, tree] = unpack_both(store, tar.end());
    INFO((composed ? "" : composed.error().text) << "\n" << (tree ? "" : tree.error().text));
    CHECK(composed.has_value() == row.good);
    CHECK(tree.has_value() == row.good);
    if (!composed) CHECK(composed.error().kind == Kind::kInvalid);
    CHECK(
        (access((store.path() + "/tmp").c_str(), F_OK) == 0 && rmdir((store.path() + "/tmp").c_str()) == 0));
    CHECK((row.good || rmdir((store.path() + "/layers").c_str()) == 0));
  }
}

TEST_CASE("orders to overlayfs and the host's labels do not come out of an archive") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  auto record = TarBuilder::record;
  std::string archive =
      TarBuilder()
          .pax(record("SCHILY.xattr.trusted.overlay.redirect", "/ab/secret") +
               record("SCHILY.xattr.trusted.overlay.metacopy", "") +
               record("SCHILY.xattr.trusted.overlay.opaque", "y") +
               record("SCHILY.xattr.user.overlay.redirect", "/x") + record("SCHILY.xattr.security.ima", "x") +
               record("SCHILY.xattr.user.kept", "k"))
          .add({.name = "f", .contents = "mine"})
          .end();
  Result<Digest> layer = unpack_text(store, archive, LayerFormat::kComposed);
  REQUIRE(layer);
  Image image = image_of({*layer});
  REQUIRE(prepare_image(store, image, LayerFormat::kComposed));
  if (!mounts_composed(store, image)) return;
  UniqueFd root(mount_image(cat(store.path(), "/composed/", image.id().file_name())));
  REQUIRE(root);
  std::vector<std::string> lines = list_tree(root.get(), {.overlay_xattrs = true});
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].ends_with(" user.kept=6b"));
}
