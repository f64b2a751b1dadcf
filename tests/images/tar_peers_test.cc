// What GNU tar and bsdtar write, unpacked by them and by us; and what we write, unpacked by them.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/spawn.h"
#include "images/unpack/layer_sink.h"
#include "tests/catch.h"
#include "tests/images/composed_image.h"
#include "tests/images/tar_builder.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

void shell(const std::string& directory, const std::string& script) {
  Result<Captured> ran = run_captured({.path = "/bin/bash",
                                       .args = {"bash", "-euc", script},
                                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"},
                                       .join = {},
                                       .directory = directory},
                                      "", 60000);
  REQUIRE(ran);
  INFO(script << ran->out << ran->err);
  REQUIRE(ran->status == 0);
}

// What every format since v7 can say.
constexpr const char* kPlainTree = R"sh(
mkdir -p tree/bin tree/etc/empty; cd tree
cp /bin/true bin/true; chmod 4755 bin/true; ln bin/true bin/false; ln -s true bin/yes; seq 100000 > etc/large; : > etc/none
chown 12:34 etc/large; chmod 1777 etc/empty; touch -h -d '2001-02-03 04:05:06 UTC' etc/* bin/* bin etc .
)sh";
constexpr const char* kDevices = R"sh(
cd tree; mkdir dev; mkfifo -m 622 dev/fifo; mknod -m 666 dev/null c 1 3; mknod -m 660 dev/disk b 259 70000
touch -d '2001-02-03 04:05:06 UTC' dev/*
)sh";
constexpr const char* kLongNames = R"sh(
cd tree; long=long/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200}); mkdir -p $long
echo x > $long/$(printf 'f%.0s' {1..255}); ln $long/f* long/hard; ln -s "$(printf 'target/%.0s' {1..400})" long/soft
echo u > "long/ünïcödé name"; touch -d '1995-01-01 UTC' $(find long -type d)
)sh";
constexpr const char* kSparse = R"sh(
cd tree; mkdir sparse; truncate -s 50M sparse/one; printf x | dd of=sparse/one bs=1 seek=30000000 conv=notrunc status=none
truncate -s 300000 sparse/hole; for i in {1..60}; do printf y | dd of=sparse/many bs=1 seek=$((i*100000)) conv=notrunc status=none; done
cp sparse/many sparse/$(printf 's%.0s' {1..150})
)sh";
constexpr const char* kAttributes = R"sh(
cd tree; mkdir attr; echo n > attr/note; setfattr -n user.note -v text attr/note; setfattr -n user.bin -v 0x00ff0a3d attr/note
cp /bin/true attr/ping; setcap cap_net_raw+ep attr/ping; chown 77:88 attr/note; chmod 2750 attr/note
setfacl -m u:4033:r attr/note; setfacl -d -m g:4044:rwx attr; touch -d '1960-01-01 12:00:00 UTC' attr/ping
touch -d '1970-01-02 03:04:05.000000001 UTC' attr/note; touch -d '2038-01-20 UTC' attr
)sh";

std::vector<std::string> listing(const std::string& path) {
  Result<UniqueFd> root = open_file(path, O_PATH | O_DIRECTORY);
  REQUIRE(root);
  return list_tree(root->get());
}

Result<> unpack(const std::string& archive, const std::string& directory) {
  UnpackLimits limits;
  TRY(make_directories(directory, 0700));
  TRY_ASSIGN(std::unique_ptr<LayerSink> sink, tree_sink(limits, directory));
  TRY_ASSIGN(UniqueFd fd, open_file(archive, O_RDONLY));
  FdSource source(fd.get(), archive);
  TarReader reader(source, limits);
  TarEntry entry;
  while (true) {
    TRY_ASSIGN(bool there, reader.next(entry));
    if (!there) return sink->finish();
    TRY(sink->add(entry, reader));
  }
}

// The same members by our own writer.
Result<> write_again(const std::string& archive, const std::string& to) {
  TRY_ASSIGN(UniqueFd fd, open_file(archive, O_RDONLY));
  FdSource source(fd.get(), archive);
  TarReader reader(source, {});
  StringSink out;
  TarWriter writer(out);
  TarEntry entry;
  while (true) {
    TRY_ASSIGN(bool there, reader.next(entry));
    if (!there) break;
    TRY(writer.header(entry));
    while (true) {
      TRY_ASSIGN(std::span<const char> piece, reader.peek());
      if (piece.empty()) break;
      TRY(writer.data(piece));
      reader.consume(piece.size());
    }
  }
  TRY(writer.finish());
  return write_file_atomically(to, out.text);
}

constexpr std::string_view kGnuExtract =
    "tar --xattrs --xattrs-include='*' --acls -p --same-owner --numeric-owner -xf ";
constexpr std::string_view kBsdExtract = "bsdtar --xattrs --acls -p --same-owner --numeric-owner -xf ";

void compare(const std::vector<std::string>& ours, const std::vector<std::string>& theirs) {
  for (const std::string& line : ours)
    if (std::ranges::find(theirs, line) == theirs.end())
      UNSCOPED_INFO("only ours:   " << line.substr(0, 300));
  for (const std::string& line : theirs)
    if (std::ranges::find(ours, line) == ours.end()) UNSCOPED_INFO("only theirs: " << line.substr(0, 300));
  CHECK((ours == theirs));  // what differs is said above, not the whole
}

struct Case {
  std::string pack;
  std::string_view extract;
  std::vector<const char*> kinds;
};

}  // namespace

TEST_CASE("a tree is what the archive's own writer unpacks", "[native][rounds]") {
  std::string gnu = "tar --numeric-owner --sort=name -C tree ", bsd = "bsdtar --numeric-owner -C tree ";
  std::string all = "--xattrs --xattrs-include='*' --acls ";
  const std::vector<Case> cases = {
      {gnu + "--format=v7", kGnuExtract, {}},
      {gnu + "--format=ustar", kGnuExtract, {kDevices}},
      {gnu + "--format=oldgnu --sparse", kGnuExtract, {kDevices, kLongNames, kSparse}},
      {gnu + "--format=gnu --sparse", kGnuExtract, {kDevices, kLongNames, kSparse}},
      {gnu + "--format=pax " + all, kGnuExtract, {kDevices, kLongNames, kSparse, kAttributes}},
      {gnu + "--format=pax --sparse --sparse-version=0.0 " + all,
       kGnuExtract,
       {kDevices, kLongNames, kSparse, kAttributes}},
      {gnu + "--format=pax --sparse --sparse-version=0.1 " + all,
       kGnuExtract,
       {kDevices, kLongNames, kSparse, kAttributes}},
      {gnu + "--format=pax --sparse --sparse-version=1.0 " + all,
       kGnuExtract,
       {kDevices, kLongNames, kSparse, kAttributes}},
      {bsd + "--format=v7", kBsdExtract, {}},
      {bsd + "--format=ustar", kBsdExtract, {kDevices}},
      {bsd + "--format=gnutar", kBsdExtract, {kDevices, kLongNames}},
      {bsd + "--format=pax --xattrs --acls", kBsdExtract, {kDevices, kLongNames, kSparse, kAttributes}},
  };
  for (const Case& one : cases) {
    INFO(one.pack);
    ScratchDirectory scratch;
    shell(scratch.path, kPlainTree);
    for (const char* kind : one.kinds) shell(scratch.path, kind);
    shell(scratch.path,
          cat(one.pack, " -cf archive.tar .; mkdir theirs; cd theirs; ", one.extract, "../archive.tar"));
    Result<> unpacked = unpack(scratch.path + "/archive.tar", scratch.path + "/ours");
    INFO((unpacked ? "" : unpacked.error().text));
    REQUIRE(unpacked);
    std::vector<std::string> ours = listing(scratch.path + "/ours/tree"),
                             theirs = listing(scratch.path + "/theirs");
    CHECK(theirs.size() > 8);
    if (one.extract == kBsdExtract) {  // it leaves the time of the directory it unpacks into
      ours.erase(ours.begin());
      theirs.erase(theirs.begin());
    }
    compare(ours, theirs);
  }
}

TEST_CASE("what we write GNU tar and bsdtar unpack as it was", "[native]") {
  ScratchDirectory scratch;
  for (const char* kind : {kPlainTree, kDevices, kLongNames, kSparse, kAttributes}) shell(scratch.path, kind);
  shell(scratch.path,
        "tar --format=pax --sparse --numeric-owner --xattrs --xattrs-include='*' --acls -C tree -cf a.tar .");
  REQUIRE(write_again(scratch.path + "/a.tar", scratch.path + "/b.tar"));
  REQUIRE(write_again(scratch.path + "/b.tar", scratch.path + "/c.tar"));
  shell(scratch.path, "cmp b.tar c.tar");
  shell(scratch.path,
        cat("mkdir gnu bsd; cd gnu; ", kGnuExtract, "../b.tar; cd ../bsd; ", kBsdExtract, "../b.tar"));
  std::vector<std::string> source = listing(scratch.path + "/tree");
  compare(listing(scratch.path + "/gnu"), source);
  std::vector<std::string> bsd = listing(scratch.path + "/bsd");
  bsd.erase(bsd.begin());  // as above
  source.erase(source.begin());
  compare(bsd, source);
}
