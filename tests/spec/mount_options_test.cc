#include "spec/mount_options.h"

#include <sys/mount.h>

#include <algorithm>

#include "tests/catch.h"

using namespace shoji;

namespace {
ParsedMountOptions parsed(std::vector<std::string> options, std::string type = "tmpfs") {
  Mount mount{.destination = "/x",
              .type = std::move(type),
              .source = {},
              .options = std::move(options),
              .uid_mappings = {},
              .gid_mappings = {}};
  Result<ParsedMountOptions> out = parse_mount_options(mount);
  REQUIRE(out);
  return *out;
}
}  // namespace

TEST_CASE("mount options: the default specification's /dev/pts") {
  auto pts = parsed({"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}, "devpts");
  CHECK(pts.attr_set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  CHECK(pts.attr_clear == 0);
  CHECK(pts.superblock == 0);
  CHECK(pts.data_text() == "newinstance,ptmxmode=0666,mode=0620,gid=5");
  CHECK(pts.data.front() == std::pair<std::string, std::string>("newinstance", ""));
}

TEST_CASE("mount options: the last of two opposites wins and leaves its trace") {
  auto ro = parsed({"rw", "ro"});
  CHECK(ro.attr_set == MOUNT_ATTR_RDONLY);
  CHECK(ro.attr_clear == 0);
  CHECK(ro.superblock == MS_RDONLY);
  CHECK(ro.readonly());
  auto rw = parsed({"ro", "rw"});
  CHECK(rw.attr_set == 0);
  CHECK(rw.attr_clear == MOUNT_ATTR_RDONLY);
  CHECK(rw.superblock == 0);
  CHECK(!rw.readonly());
  CHECK(parsed({"sync", "dirsync", "async"}).superblock == MS_DIRSYNC);
}

TEST_CASE("mount options: access-time modes exclude each other and clear the whole mask") {
  CHECK(parsed({"noatime", "strictatime"}).attr_set == MOUNT_ATTR_STRICTATIME);
  CHECK(parsed({"strictatime", "relatime"}).attr_set == 0);
  CHECK(parsed({"noatime", "atime"}).attr_set == 0);
  CHECK(parsed({"strictatime", "atime"}).attr_set == MOUNT_ATTR_STRICTATIME);
  CHECK(parsed({"noatime"}).attr_clear == MOUNT_ATTR__ATIME);
  CHECK(parsed({"norelatime"}).attr_clear == 0);
  auto directories = parsed({"nodiratime", "noatime"});
  CHECK(directories.attr_set == (MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOATIME));
}

TEST_CASE("mount options: r-options are of the tree and leave the mount's own alone") {
  auto tree = parsed({"rbind", "rro", "rnosuid", "rdev", "rnoatime", "nosuid"}, "none");
  CHECK(tree.bind);
  CHECK(tree.recursive_bind);
  CHECK(tree.attr_set == MOUNT_ATTR_NOSUID);
  CHECK(tree.rec_attr_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME));
  CHECK(tree.rec_attr_clear == (MOUNT_ATTR_NODEV | MOUNT_ATTR__ATIME));
  CHECK(tree.superblock == 0);
  CHECK(tree.readonly());
}

TEST_CASE("mount options: propagation keeps its order") {
  CHECK(parsed({"rslave", "shared"}).propagation == std::vector<uint64_t>{MS_SLAVE | MS_REC, MS_SHARED});
  CHECK(propagation_flags("rprivate") == (MS_PRIVATE | MS_REC));
  CHECK(propagation_flags("unbindable") == MS_UNBINDABLE);
  CHECK(propagation_flags("ro") == 0);
  CHECK(propagation_flags("") == 0);
}

TEST_CASE("mount options: type and mappings imply bind and idmap") {
  CHECK(parsed({}, "bind").bind);
  CHECK(!parsed({}, "bind").recursive_bind);
  CHECK(!parsed({}, "tmpfs").bind);
  CHECK(parsed({"ridmap"}).idmap);
  Mount mapped;
  mapped.uid_mappings.push_back({0, 1000, 1});
  CHECK(parse_mount_options(mapped)->idmap);
  CHECK(!parse_mount_options(mapped)->recursive_idmap);
}

TEST_CASE("mount options: crun's mappings inside the option are refused by name") {
  Mount mount;
  mount.options = {"idmap=uids=0-1-10"};
  auto refused = parse_mount_options(mount);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::kUnsupported);
  CHECK(refused.error().text.contains("\"idmap=uids=0-1-10\""));
}

TEST_CASE("mount options: data is split as mount(2) does") {
  using Data = std::vector<std::pair<std::string, std::string>>;
  CHECK(parsed({"lowerdir=/a:/b,upperdir=/c", "index=off"}).data ==
        Data{{"lowerdir", "/a:/b"}, {"upperdir", "/c"}, {"index", "off"}});
  auto labelled = parsed({"size=1m", "context=\"u:r:t:s0:c1,c2\""});
  CHECK(labelled.data == Data{{"size", "1m"}, {"context", "u:r:t:s0:c1,c2"}});
  CHECK(labelled.data_text() == "size=1m,context=\"u:r:t:s0:c1,c2\"");
  CHECK(parsed({"lowerdir=/a\\,b"}).data == Data{{"lowerdir", "/a\\,b"}});
  CHECK(parsed({"", ",,x,"}).data == Data{{"x", ""}});
  CHECK(parsed({"a=b=c\\"}).data == Data{{"a", "b=c\\"}});
}

TEST_CASE("mount options: names for fsconfig and for features") {
  CHECK(superblock_option_names(MS_RDONLY | MS_LAZYTIME | MS_SILENT) ==
        std::vector<std::string_view>{"ro", "lazytime"});
  auto known = known_mount_options();
  CHECK(std::ranges::is_sorted(known));
  for (std::string_view name : {"rro", "tmpcopyup", "idmap", "nosymfollow", "rshared"}) {
    CHECK(std::ranges::binary_search(known, name));
  }
}
