#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "images/unpack/layer_sink.h"
#include "tests/catch.h"
#include "tests/images/tar_builder.h"

using namespace shoji;
using namespace shoji::images;

namespace {

// A private directory with a file beside it that no archive may touch.
class Place {
 public:
  Place() {
    const char* top = getenv("TMPDIR");  // on a disk: not every kernel's tmpfs has xattrs
    path_ = cat(top == nullptr ? "/var/tmp" : top, "/shoji-tree-XXXXXX");
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    REQUIRE(mkdir((path_ + "/layer").c_str(), 0700) == 0);
    REQUIRE(write_file_atomically(path_ + "/outside", "untouched", 0600));
  }
  ~Place() {
    struct stat st{};
    CHECK(read_file(path_ + "/outside") == "untouched");
    CHECK((stat((path_ + "/outside").c_str(), &st) == 0 && st.st_nlink == 1 && (st.st_mode & 07777) == 0600));
    CHECK(members(path_) == 2);
    CHECK(remove_tree(path_));
  }
  static int members(const std::string& path) {
    DIR* stream = opendir(path.c_str());
    REQUIRE(stream != nullptr);
    int count = 0;
    while (readdir(stream) != nullptr) ++count;
    closedir(stream);
    return count - 2;
  }
  [[nodiscard]] std::string outside() const { return path_ + "/outside"; }
  [[nodiscard]] std::string tree(std::string_view name = "") const {
    return cat(path_, "/layer/tree/", name);
  }
  [[nodiscard]] struct stat stat_of(std::string_view name) const {
    struct stat st{};
    INFO(name);
    REQUIRE(lstat(tree(name).c_str(), &st) == 0);
    return st;
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return faccessat(AT_FDCWD, tree(name).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }
  [[nodiscard]] std::string xattr(std::string_view name, const char* key) const {
    char value[300];
    ssize_t size = lgetxattr(tree(name).c_str(), key, value, sizeof value);
    return size < 0 ? "none" : std::string(value, static_cast<size_t>(size));
  }
  // The error's sentence, or "done".
  std::string unpack(std::string_view archive, const UnpackLimits& limits = {}) const {
    auto run = [&]() -> Result<> {
      TRY_ASSIGN(std::unique_ptr<LayerSink> sink, tree_sink(limits, path_ + "/layer"));
      MemorySource source(archive);
      TarReader reader(source, limits);
      TarEntry entry;
      while (true) {
        TRY_ASSIGN(bool there, reader.next(entry));
        if (!there) return sink->finish();
        TRY(sink->add(entry, reader));
      }
    };
    Result<> result = run();
    if (result) return "done";
    CHECK_FALSE(result.error().text.empty());
    return result.error().text;
  }

 private:
  std::string path_;
};

constexpr dev_t kWhiteout = 0;
bool is_whiteout_at(const Place& place, std::string_view name) {
  struct stat st = place.stat_of(name);
  return S_ISCHR(st.st_mode) && st.st_rdev == kWhiteout;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a layer becomes a tree with modes, owners, times and contents") {
  Place place;
  std::string large(700'000, 'x');
  TarBuilder tar;
  tar.add({.name = "./", .type = '5', .mode = "0000751", .mtime = "100"});
  tar.add({.name = "usr/", .type = '5', .mode = "0002770", .uid = "1", .gid = "2", .mtime = "200"});
  tar.pax(TarBuilder::record("mtime", "1700000000.123456789"));
  tar.add({.name = "usr/suid", .contents = "s", .mode = "0006755", .uid = "5", .gid = "6"});
  tar.add({.name = "usr/large", .contents = large, .mode = "0000666"});
  tar.add({.name = "usr/secret", .contents = "", .mode = "0000000"});
  tar.add({.name = "usr/link", .type = '2', .link = "../../../outside", .uid = "7", .mtime = "300"});
  tar.add({.name = "usr/hard", .type = '1', .link = "./usr/suid"});
  tar.add({.name = "usr/hardsymlink", .type = '1', .link = "/usr/link"});
  tar.add({.name = "usr/fifo", .type = '6', .mode = "0000622"});
  tar.add({.name = "implicit/deep/file", .contents = "i"});
  CHECK(place.unpack(tar.end()) == "done");
  CHECK((place.stat_of(".").st_mode & 07777) == 0751);
  CHECK(place.stat_of(".").st_mtime == 0100);
  struct stat usr = place.stat_of("usr");
  CHECK((usr.st_mode & 07777) == 02770);
  CHECK(usr.st_uid == 1);
  CHECK(usr.st_gid == 2);
  CHECK(usr.st_mtime == 0200);
  struct stat suid = place.stat_of("usr/suid");
  CHECK((suid.st_mode & 07777) == 06755);
  CHECK(suid.st_uid == 5);
  CHECK(suid.st_gid == 6);
  CHECK(suid.st_mtim.tv_sec == 1'700'000'000);
  CHECK(suid.st_mtim.tv_nsec == 123'456'789);
  CHECK(suid.st_nlink == 2);
  CHECK(place.stat_of("usr/hard").st_ino == suid.st_ino);
  CHECK((place.stat_of("usr/large").st_mode & 07777) == 0666);
  CHECK(place.stat_of("usr/large").st_gid == getegid());  // not usr's
  CHECK(read_file(place.tree("usr/large")) == large);
  CHECK((place.stat_of("usr/secret").st_mode & 07777) == 0);
  CHECK(S_ISLNK(place.stat_of("usr/link").st_mode));
  CHECK(place.stat_of("usr/link").st_uid == 7);
  CHECK(place.stat_of("usr/link").st_mtime == 0300);
  CHECK(place.stat_of("usr/hardsymlink").st_ino == place.stat_of("usr/link").st_ino);
  CHECK(S_ISFIFO(place.stat_of("usr/fifo").st_mode));
  CHECK((place.stat_of("usr/fifo").st_mode & 07777) == 0622);
  CHECK((place.stat_of("implicit/deep").st_mode & 07777) == 0755);
  CHECK(place.stat_of("implicit").st_mtime == 0);
}

TEST_CASE("devices are made as the archive says") {
  Place place;
  CHECK(place.unpack(TarBuilder()
                         .add({.name = "null", .type = '3', .mode = "0000666", .major = "1", .minor = "3"})
                         .add({.name = "disk",
                               .type = '4',
                               .mode = "0000660",
                               .gid = "6",
                               .major = "10",
                               .minor = "2000"})
                         .end()) == "done");
  CHECK((S_ISCHR(place.stat_of("null").st_mode) && place.stat_of("null").st_rdev == makedev(1, 3)));
  CHECK((place.stat_of("null").st_mode & 07777) == 0666);
  CHECK((S_ISBLK(place.stat_of("disk").st_mode) && place.stat_of("disk").st_rdev == makedev(8, 1024)));
}

TEST_CASE("a later member replaces an earlier one, whatever either is") {
  constexpr std::string_view kTypes = "0256";
  for (char first : kTypes) {
    for (char second : kTypes) {
      INFO(first << " then " << second);
      Place place;
      TarBuilder tar;
      tar.add({.name = "x",
               .type = first,
               .contents = first == '0' ? "longer than what follows" : "",
               .link = "t"});
      if (first == '5') tar.add({.name = "x/below/deep", .contents = "d"});
      tar.add({.name = "x",
               .type = second,
               .contents = second == '0' ? "new" : "",
               .link = "u",
               .mode = "0000700"});
      CHECK(place.unpack(tar.end()) == "done");
      mode_t type = place.stat_of("x").st_mode & S_IFMT;
      CHECK(type == (second == '0' ? S_IFREG : second == '2' ? S_IFLNK : second == '5' ? S_IFDIR : S_IFIFO));
      if (second == '0') CHECK(read_file(place.tree("x")) == "new");
      CHECK(place.has("x/below") == (first == '5' && second == '5'));
    }
  }
}

TEST_CASE("what replaces one name of a hard link leaves the others") {
  Place place;
  CHECK(place.unpack(TarBuilder()
                         .add({.name = "a", .contents = "shared"})
                         .add({.name = "b", .type = '1', .link = "a"})
                         .add({.name = "b", .type = '1', .link = "a"})
                         .add({.name = "a", .type = '1', .link = "a"})
                         .add({.name = "a", .contents = "own"})
                         .end()) == "done");
  CHECK(read_file(place.tree("a")) == "own");
  CHECK(read_file(place.tree("b")) == "shared");
  CHECK(place.stat_of("b").st_nlink == 1);
}

TEST_CASE("whiteouts hide what is below and not what the layer has itself") {
  Place place;
  TarBuilder tar;
  tar.add({.name = "gone/.wh.file"}).add({.name = ".wh.top"});
  tar.add({.name = "kept", .contents = "k"}).add({.name = ".wh.kept"});
  tar.add({.name = ".wh.late"}).add({.name = "late", .contents = "l"});
  tar.add({.name = ".wh.new"}).add({.name = "new/", .type = '5'}).add({.name = "new/f"});
  tar.add({.name = "old/f"}).add({.name = ".wh.old"});
  tar.add({.name = ".wh.through"}).add({.name = "through/f"});
  tar.add({.name = "opaque/", .type = '5', .mode = "0000750"})
      .add({.name = "opaque/.wh..wh..opq"})
      .add({.name = "opaque/f"});
  tar.add({.name = "early/.wh..wh..opq"}).add({.name = "early/", .type = '5', .mode = "0000711"});
  CHECK(place.unpack(tar.end()) == "done");
  CHECK(is_whiteout_at(place, "gone/file"));
  CHECK(is_whiteout_at(place, "top"));
  CHECK(read_file(place.tree("kept")) == "k");
  CHECK(read_file(place.tree("late")) == "l");
  for (std::string_view name : {"new", "old", "through", "opaque", "early"}) {
    INFO(name);
    CHECK(place.xattr(name, "trusted.overlay.opaque") == "y");
    CHECK(place.xattr(name, "user.overlay.opaque") == "y");
  }
  CHECK(place.has("new/f"));
  CHECK(place.has("old/f"));
  CHECK(place.has("through/f"));
  CHECK((place.stat_of("early").st_mode & 07777) == 0711);
  CHECK(place.xattr("gone", "trusted.overlay.opaque") == "none");
}

TEST_CASE("xattrs, capabilities and ACLs are set, orders to overlayfs are not") {
  Place place;
  auto record = TarBuilder::record;
  std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  std::string overlay = record("SCHILY.xattr.trusted.overlay.redirect", "/etc") +
                        record("SCHILY.xattr.user.overlay.opaque", "y") +
                        record("SCHILY.xattr.trusted.overlay.metacopy", "");
  std::string acl =
      record("SCHILY.acl.access", "user::rwx,user:lisa:r--:502,group::r-x,mask::r-x,other::---");
  std::string standard =
      record("SCHILY.acl.default", "user::rwx,group::---,group:ops:rwx:77,mask::rwx,other::---");
  TarBuilder tar;
  tar.pax(overlay + acl + standard + record("SCHILY.xattr.user.d", "dir"))
      .add({.name = "d", .type = '5', .mode = "0000750"});
  tar.pax(overlay + acl + record("SCHILY.xattr.user.f", std::string("a\0b", 3)) +
          record("SCHILY.xattr.security.capability", capability));
  tar.add({.name = "d/f", .contents = "x", .mode = "0000750", .uid = "11"});
  tar.pax(record("SCHILY.xattr.trusted.link", "l")).add({.name = "d/l", .type = '2', .link = "nowhere"});
  tar.add({.name = "d/plain", .contents = "p", .mode = "0000640"});
  CHECK(place.unpack(tar.end()) == "done");
  CHECK(place.xattr("d/f", "user.f") == std::string("a\0b", 3));
  CHECK(place.xattr("d/f", "security.capability") == capability);
  CHECK(place.xattr("d/f", "system.posix_acl_access").size() == 44);
  CHECK(place.stat_of("d/f").st_uid == 9);
  CHECK((place.stat_of("d/f").st_mode & 07777) == 0750);
  CHECK(place.xattr("d", "user.d") == "dir");
  CHECK(place.xattr("d", "system.posix_acl_default").size() == 44);
  CHECK(place.xattr("d/l", "trusted.link") == "l");
  CHECK(place.xattr("d/plain", "system.posix_acl_access") == "none");  // nothing inherited
  for (std::string_view name : {"d", "d/f"})
    for (const char* key : {"trusted.overlay.redirect", "user.overlay.opaque", "trusted.overlay.metacopy"})
      CHECK(place.xattr(name, key) == "none");
}

TEST_CASE("a directory that comes twice has the xattrs of its last member") {
  Place place;
  auto record = TarBuilder::record;
  CHECK(place.unpack(TarBuilder()
                         .pax(record("SCHILY.xattr.user.a", "1"))
                         .add({.name = "d", .type = '5'})
                         .pax(record("SCHILY.xattr.user.b", "2"))
                         .add({.name = "d", .type = '5', .mode = "0000700"})
                         .end()) == "done");
  CHECK(place.xattr("d", "user.a") == "none");
  CHECK(place.xattr("d", "user.b") == "2");
  CHECK((place.stat_of("d").st_mode & 07777) == 0700);
}

TEST_CASE("a sparse file has holes") {
  Place place;
  std::string archive = TarBuilder()
                            .pax(TarBuilder::record("GNU.sparse.size", "8388608") +
                                 TarBuilder::record("GNU.sparse.map", "4096,4,4194304,4,8388608,0"))
                            .add({.name = "f", .contents = "headtail"})
                            .end();
  CHECK(place.unpack(archive) == "done");
  struct stat st = place.stat_of("f");
  CHECK(st.st_size == 8 << 20);
  CHECK(st.st_blocks < 64);
  std::string expected(8 << 20, '\0');
  expected.replace(4096, 4, "head").replace(4 << 20, 4, "tail");
  CHECK(read_file(place.tree("f")) == expected);
}

TEST_CASE("no member leaves the tree") {
  Place place;
  std::string outside = place.outside();
  auto through = [&](std::string_view target, std::string_view below) {
    return TarBuilder()
        .add({.name = "link", .type = '2', .link = std::string(target)})
        .add({.name = cat("link", below), .contents = "evil"})
        .end();
  };
  SECTION("an absolute path is one in the tree") {
    CHECK(place.unpack(TarBuilder().add({.name = outside, .contents = "evil"}).end()) == "done");
    CHECK(read_file(place.tree(outside.substr(1))) == "evil");
  }
  SECTION("..") {
    for (std::string_view name : {"../outside", "a/../../outside", "/../outside"}) {
      Place other;
      CHECK(contains(other.unpack(TarBuilder().add({.name = std::string(name), .contents = "evil"}).end()),
                     "out of the root"));
    }
  }
  SECTION("a file through a symlink to a directory outside") {
    CHECK(contains(place.unpack(through(outside.substr(0, outside.rfind('/')), "/outside")), "symlink"));
  }
  SECTION("a file through a relative symlink") {
    CHECK(contains(place.unpack(through("../..", "/outside")), "symlink"));
  }
  SECTION("a file through a symlink within the tree") {
    // Overlayfs would not follow it either: a directory in this layer, a symlink in the one below.
    CHECK(contains(place.unpack(through(".", "/file")), "symlink"));
  }
  SECTION("a file in the place of a symlink") {
    CHECK(place.unpack(through(outside, "")) == "done");
    CHECK(S_ISREG(place.stat_of("link").st_mode));
  }
  SECTION("a directory in the place of a symlink") {
    CHECK(place.unpack(TarBuilder()
                           .add({.name = "link", .type = '2', .link = "../.."})
                           .add({.name = "link/", .type = '5', .mode = "0000700"})
                           .add({.name = "link/outside", .contents = "mine"})
                           .end()) == "done");
    CHECK(read_file(place.tree("link/outside")) == "mine");
  }
  SECTION("a symlink in the place of a directory that was used before") {
    CHECK(contains(place.unpack(TarBuilder()
                                    .add({.name = "a/b/first", .contents = "x"})
                                    .add({.name = "a", .type = '2', .link = "../.."})
                                    .add({.name = "a/outside", .contents = "evil"})
                                    .end()),
                   "symlink"));
    CHECK(place.has("a"));
  }
  SECTION("a symlink in the place of a directory deeper down") {
    CHECK(contains(place.unpack(TarBuilder()
                                    .add({.name = "a/b/first", .contents = "x"})
                                    .add({.name = "a/b", .type = '2', .link = "../../.."})
                                    .add({.name = "a/b/outside", .contents = "evil"})
                                    .end()),
                   "symlink"));
  }
  SECTION("owners and times of a symlink are its own") {
    CHECK(
        place.unpack(
            TarBuilder()
                .add({.name = "l", .type = '2', .link = outside, .mode = "0000777", .uid = "5", .mtime = "7"})
                .end()) == "done");
    struct stat st{};
    REQUIRE(stat(outside.c_str(), &st) == 0);
    CHECK(st.st_uid == geteuid());
    CHECK(st.st_mtime != 7);
  }
}

TEST_CASE("hard links lead to earlier members of the archive alone") {
  Place place;
  std::string outside = place.outside(), above = outside.substr(0, outside.rfind('/'));
  auto error = [&](const TarBuilder& tar) { return place.unpack(tar.end()); };
  SECTION("an absolute target is one in the tree") {
    CHECK(
        contains(error(TarBuilder().add({.name = "h", .type = '1', .link = outside})), "no earlier member"));
  }
  SECTION("..") {
    CHECK(contains(error(TarBuilder().add({.name = "h", .type = '1', .link = "../../outside"})),
                   "out of the root"));
  }
  SECTION("through a symlink") {
    TarBuilder tar;
    tar.add({.name = "s", .type = '2', .link = above}).add({.name = "h", .type = '1', .link = "s/outside"});
    CHECK(contains(error(tar), "no earlier member"));
  }
  SECTION("to a symlink: the symlink itself") {
    TarBuilder tar;
    tar.add({.name = "s", .type = '2', .link = outside}).add({.name = "h", .type = '1', .link = "s"});
    CHECK(error(tar) == "done");
    CHECK(S_ISLNK(place.stat_of("h").st_mode));
    // And a file in its place replaces the name, not what it leads to.
  }
  SECTION("to a symlink, written through") {
    TarBuilder tar;
    tar.add({.name = "s", .type = '2', .link = outside}).add({.name = "h", .type = '1', .link = "s"});
    tar.add({.name = "h", .contents = "evil"});
    CHECK(error(tar) == "done");
    CHECK(S_ISREG(place.stat_of("h").st_mode));
  }
  SECTION("to what goes with the directory that it replaces") {
    TarBuilder tar;
    tar.add({.name = "a/b", .contents = "x"}).add({.name = "a", .type = '1', .link = "a/b"});
    CHECK(contains(error(tar), "no earlier member"));
  }
  SECTION("to a directory, a whiteout, the root, nothing") {
    for (std::string_view target : {"d", "w", ".", "nothing", "d/nothing", "f/x"}) {
      Place other;
      TarBuilder tar;
      tar.add({.name = "d", .type = '5'}).add({.name = ".wh.w"}).add({.name = "f"});
      tar.add({.name = "h", .type = '1', .link = std::string(target)});
      CHECK(contains(other.unpack(tar.end()), "no earlier member"));
    }
  }
}

TEST_CASE("devices and whiteouts are no way around") {
  auto error = [](const TarBuilder& tar) { return Place().unpack(tar.end()); };
  CHECK(contains(error(TarBuilder()
                           .add({.name = "null", .type = '3', .major = "1", .minor = "3"})
                           .add({.name = "null/f"})),
                 "no directory"));
  CHECK(
      contains(error(TarBuilder().add({.name = "f", .contents = "x"}).add({.name = "f/f"})), "no directory"));
  for (std::string_view name :
       {".wh.", ".wh..", ".wh...", "d/.wh...", ".wh..wh.aufs", ".wh..wh.plnk", ".wh..wh."})
    CHECK(contains(error(TarBuilder().add({.name = std::string(name)})), "reserved"));
  CHECK(contains(error(TarBuilder().add({.name = ".wh.x/y"})), "whiteout's name"));
  for (std::string_view below : {"s/.wh..wh..opq", "s/.wh.x"})
    CHECK(contains(
        error(TarBuilder().add({.name = "s", .type = '2', .link = "/etc"}).add({.name = std::string(below)})),
        "no directory but a symlink"));
  CHECK(contains(error(TarBuilder().add({.name = "a/.wh.x/", .type = '5'}).add({.name = "a/.wh.x/b/c"})),
                 "whiteout's name"));
  CHECK(contains(error(TarBuilder().add({.name = "./", .type = '2', .link = "/"})), "root is a directory"));
  CHECK(contains(error(TarBuilder().add({.name = "d/..", .type = '0'})), "root is a directory"));
  // A member that writes to a device in its place makes a file.
  Place place;
  TarBuilder tar;
  tar.add({.name = "disk", .type = '4', .major = "10", .minor = "0"})
      .add({.name = "disk", .contents = "evil"});
  CHECK(place.unpack(tar.end()) == "done");
  CHECK(S_ISREG(place.stat_of("disk").st_mode));
}

TEST_CASE("names and depths at their limits") {
  auto named = [](const std::string& name) {
    return TarBuilder().pax(TarBuilder::record("path", name)).add({.name = "x"}).end();
  };
  CHECK(Place().unpack(named(std::string(255, 'n'))) == "done");
  CHECK(contains(Place().unpack(named(std::string(256, 'n'))), "limits.nameBytes"));
  std::string longest;
  for (int i = 0; i < 15; ++i) longest += std::string(255, static_cast<char>('a' + i)) + '/';
  longest += std::string(255, 'z');  // 16 names and 15 slashes: 4,095 bytes
  REQUIRE(longest.size() == 4095);
  CHECK(Place().unpack(named(longest)) == "done");
  CHECK(contains(Place().unpack(named(longest + "/x")), "limits.pathBytes"));
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "d/";
  CHECK(contains(Place().unpack(named(deep + "f")), "limits.depth"));
  TarBuilder tar;
  for (int i = 0; i < 60; ++i) tar.add({.name = cat("x", i, "/a/b/c/f")});
  CHECK(Place().unpack(tar.end(), {.entries = 240}) == "done");
  CHECK(contains(Place().unpack(tar.end(), {.entries = 239}), "239 directories (limits.entries)"));
  // A directory of 256 levels, replaced as a whole.
  Place place;
  std::string levels;
  for (int i = 0; i < 255; ++i) levels += "d/";
  tar = TarBuilder();
  tar.add({.name = "d/x"})
      .pax(TarBuilder::record("path", levels + "f"))
      .add({.name = "x"})
      .add({.name = "d", .contents = "flat"});
  CHECK(place.unpack(tar.end()) == "done");
  CHECK(read_file(place.tree("d")) == "flat");
}

TEST_CASE("a set-group-ID bit or a default ACL above the tree is not inherited") {
  Place place;
  std::string layer = place.tree("..");
  layer = layer.substr(0, layer.rfind("/tree"));
  std::string acl(
      "\2\0\0\0\1\0\7\0\xff\xff\xff\xff\2\0\7\0\x4d\0\0\0\4\0\7\0\xff\xff\xff\xff\x10\0\7\0\xff\xff\xff\xff"
      "\x20\0\0\0\xff\xff\xff\xff",
      44);
  REQUIRE(setxattr(layer.c_str(), "system.posix_acl_default", acl.data(), acl.size(), 0) == 0);
  REQUIRE(chown(layer.c_str(), geteuid(), 55) == 0);
  REQUIRE(chmod(layer.c_str(), 02770) == 0);
  CHECK(place.unpack(TarBuilder().add({.name = "d/f", .contents = "x"}).end()) == "done");
  CHECK((place.stat_of("d").st_mode & 07777) == 0755);
  CHECK((place.stat_of("d/f").st_mode & 07777) == 0644);
  CHECK(place.stat_of("d/f").st_gid == getegid());
  CHECK(place.xattr("d/f", "system.posix_acl_access") == "none");
}
