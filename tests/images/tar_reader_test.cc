#include "images/tar/tar_reader.h"

#include "images/tar/acl_text.h"
#include "tests/catch.h"
#include "tests/images/tar_builder.h"

using namespace shoji;
using namespace shoji::images;

namespace {

struct Read {
  TarEntry entry;
  std::string contents;
};

Result<std::vector<Read>> read_all(std::string_view archive, const UnpackLimits& limits = {}) {
  MemorySource source(archive);
  TarReader reader(source, limits);
  std::vector<Read> out;
  TarEntry entry;
  while (true) {
    TRY_ASSIGN(bool there, reader.next(entry));
    if (!there) break;
    out.push_back({entry, ""});
    // Both ways of reading, in turns.
    char piece[1000];
    while (true) {
      TRY_ASSIGN(size_t got, reader.read(piece));
      out.back().contents.append(piece, got);
      TRY_ASSIGN(std::span<const char> next, reader.peek());
      size_t n = std::min<size_t>(next.size(), 777);
      out.back().contents.append(next.data(), n);
      reader.consume(n);
      if (got == 0 && n == 0) break;
    }
  }
  TRY(reader.drain());
  return out;
}

// One member, or the error's sentence.
Read read_one(std::string_view archive) {
  auto all = read_all(archive);
  if (!all) FAIL(all.error().text);
  REQUIRE(all->size() == 1);
  return all->front();
}

std::string error_of(std::string_view archive, const UnpackLimits& limits = {}) {
  auto all = read_all(archive, limits);
  return all ? "none" : all.error().text;
}

std::string record(std::string_view key, std::string_view value) {
  return TarBuilder::record(key, value);
}

constexpr std::string_view kGnuMagic("ustar  \0", 8);

}  // namespace

TEST_CASE("a ustar member is read in every field") {
  Read read = read_one(TarBuilder()
                           .add({.name = "c",
                                 .contents = "hello",
                                 .mode = "0104755",
                                 .uid = "1750",
                                 .gid = "144",
                                 .mtime = "14524000000",
                                 .prefix = "a/b"})
                           .end());
  CHECK(read.entry.path == "a/b/c");
  CHECK(read.entry.type == EntryType::kFile);
  CHECK(read.entry.mode == 04755);
  CHECK(read.entry.uid == 1000);
  CHECK(read.entry.gid == 100);
  CHECK(read.entry.size == 5);
  CHECK(read.entry.mtime == 014524000000);
  CHECK(read.contents == "hello");
}

TEST_CASE("every type of member is told apart") {
  TarBuilder tar;
  tar.add({.name = "old/", .type = '\0', .magic = ""})
      .add({.name = "old/f", .type = '\0', .contents = "x", .magic = ""});
  tar.add({.name = "d", .type = '5'}).add({.name = "s", .type = '2', .link = "/target"});
  // The size of what a hard link means, without contents.
  tar.add({.name = "h", .type = '1', .link = "old/f", .size = "00000001000"});
  tar.add({.name = "c", .type = '3', .major = "1", .minor = "3"})
      .add({.name = "b", .type = '4', .major = "10", .minor = "0"});
  tar.add({.name = "p", .type = '6'}).add({.name = "q", .type = '7', .contents = "cont"});
  auto all = read_all(tar.end());
  REQUIRE(all);
  std::vector<EntryType> types;
  for (const Read& read : *all) types.push_back(read.entry.type);
  CHECK(types == std::vector{EntryType::kDirectory, EntryType::kFile, EntryType::kDirectory,
                             EntryType::kSymlink, EntryType::kHardLink, EntryType::kCharDevice,
                             EntryType::kBlockDevice, EntryType::kFifo, EntryType::kFile});
  CHECK((*all)[3].entry.link == "/target");
  CHECK((*all)[4].entry.link == "old/f");
  CHECK((*all)[4].entry.size == 0);
  CHECK((*all)[5].entry.device_major == 1);
  CHECK((*all)[5].entry.device_minor == 3);
  CHECK((*all)[8].contents == "cont");
  CHECK(error_of(TarBuilder().add({.name = "m", .type = 'M'}).end()) ==
        "member \"m\" of the archive: type \"M\"");
}

TEST_CASE("GNU's long names, numbers and prefixless headers are read") {
  std::string name(5000, 'n'), link(300, 'l');
  TarBuilder tar;
  tar.add({.name = "././@LongLink", .type = 'L', .contents = name + '\0', .magic = std::string(kGnuMagic)});
  tar.add({.name = "././@LongLink", .type = 'K', .contents = link + '\0', .magic = std::string(kGnuMagic)});
  // 2^40 + 5 as a time, 3,000,000 as an owner, base 256.
  tar.add({.name = "short",
           .type = '2',
           .link = "short",
           .magic = std::string(kGnuMagic),
           .uid = std::string("\x80\0\0\0\0\x2d\xc6\xc0", 8),
           .mtime = std::string("\x80\0\0\0\0\0\1\0\0\0\0\5", 12),
           .prefix = "14524000000"});
  Read read = read_one(tar.end());
  CHECK(read.entry.path == name);
  CHECK(read.entry.link == link);
  CHECK(read.entry.uid == 3'000'000);
  CHECK(read.entry.mtime == (int64_t{1} << 40) + 5);
  Read before = read_one(TarBuilder().add({.name = "old", .mtime = std::string(11, '\xff') + '\xfe'}).end());
  CHECK(before.entry.mtime == -2);
  // docker's writer of 2014 to 2016.
  CHECK(
      read_one(TarBuilder().add({.name = "f", .magic = std::string(kGnuMagic), .prefix = "usr/share"}).end())
          .entry.path == "usr/share/f");
}

TEST_CASE("pax headers override, global ones last, empty values take back") {
  TarBuilder tar;
  tar.pax(record("uid", "7") + record("comment", "x") + record("mtime", "1.5"), 'g');
  tar.add({.name = "one"});
  tar.pax(record("path", "a/long=name\nwith a line") + record("uid", "5000000000") + record("uid", "9") +
          record("gid", "4294967294") + record("mtime", "-1.25") +
          record("SCHILY.xattr.user.x", std::string("a\0=\n", 4)) +
          record("LIBARCHIVE.xattr.user.y%3D", "aGVsbG8") + record("SCHILY.xattr.user.x", "last"));
  tar.add({.name = "two", .contents = "abc"}).pax(record("uid", "")).add({.name = "three", .uid = "3"});
  auto all = read_all(tar.end());
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK((*all)[0].entry.uid == 7);
  CHECK((*all)[0].entry.mtime == 1);
  CHECK((*all)[0].entry.mtime_ns == 500'000'000);
  const TarEntry& two = (*all)[1].entry;
  CHECK(two.path == "a/long=name\nwith a line");
  CHECK(two.uid == 9);
  CHECK(two.gid == 4294967294);
  CHECK(two.mtime == -2);
  CHECK(two.mtime_ns == 750'000'000);
  CHECK(two.xattrs == decltype(two.xattrs){{"user.x", "last"}, {"user.y=", "hello"}});
  CHECK((*all)[2].entry.uid == 3);
  CHECK((*all)[2].entry.mtime_ns == 500'000'000);
  CHECK((*all)[2].entry.xattrs.empty());
}

TEST_CASE("access lists become the kernel's xattrs") {
  TarBuilder tar;
  tar.pax(record("SCHILY.acl.access", "user::rwx,user:lisa:r--:502,group::r-x,mask::r-x,other::---") +
          record("SCHILY.acl.default", "other::r--\nuser::rw-\ngroup::r--"));
  tar.add({.name = "d", .type = '5'});
  tar.pax(record("SCHILY.acl.access", "user::rw-,group::r--,other::r--")).add({.name = "f"});
  auto all = read_all(tar.end());
  REQUIRE(all);
  std::string access(
      "\2\0\0\0\1\0\7\0\xff\xff\xff\xff\2\0\4\0\xf6\1\0\0\4\0\5\0\xff\xff\xff\xff\x10\0\5\0\xff\xff\xff\xff"
      "\x20\0\0\0\xff\xff\xff\xff",
      44);
  std::string standard("\2\0\0\0\1\0\6\0\xff\xff\xff\xff\4\0\4\0\xff\xff\xff\xff\x20\0\4\0\xff\xff\xff\xff",
                       28);
  CHECK((*all)[0].entry.xattrs == decltype(TarEntry::xattrs){{"system.posix_acl_access", access},
                                                             {"system.posix_acl_default", standard}});
  CHECK(acl_text(access) == "user::rwx,user:502:r--,group::r-x,mask::r-x,other::---");
  CHECK(acl_xattr(acl_text(access)) == access);
  for (std::string_view none :
       {std::string_view(), std::string_view("x"), std::string_view(access).substr(0, 43)})
    CHECK(acl_text(none).empty());
  CHECK((*all)[1].entry.xattrs.empty());  // the mode says it all
  for (std::string_view bad :
       {"user:joe:rwx", "user:rwz", "nobody::r--", "mask:5:r--", "user:4294967295:r--"})
    CHECK(error_of(TarBuilder().pax(record("SCHILY.acl.access", bad)).add({.name = "f"}).end())
              .find("ACL entry") != std::string::npos);
}

TEST_CASE("sparse files in all four formats have the same map") {
  std::string contents = "headmidd";
  TarBuilder old;
  std::string block(kTarBlock, '\0');
  auto set = [&](size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  set(0, "old");
  set(100, "0000644");
  set(124, "00000000010");
  set(156, "S");
  set(257, kGnuMagic);
  for (size_t i = 0; i < 4; ++i) set(386 + 24 * i, std::string("00000000000\00000000000001\0", 24));
  set(386, "00000000000");
  for (size_t i = 1; i < 4; ++i) set(386 + 24 * i, cat("0000000010", i));
  set(482, "\1");
  set(483, "00000010000");
  std::string more(kTarBlock, '\0');
  more.replace(0, 24, std::string("00000001000\00000000000004\0", 24));
  more.replace(24, 24, std::string("00000010000\00000000000000\0", 24));
  old.block_and(block, more).raw(contents + std::string(kTarBlock - 8, '\0'));
  Read gnu = read_one(old.end());
  CHECK(gnu.entry.size == 4096);
  REQUIRE(gnu.entry.extents.size() == 5);
  CHECK(gnu.entry.extents[4].offset == 512);
  CHECK(gnu.entry.extents[4].size == 4);
  CHECK(gnu.contents == contents);

  std::string zero = record("GNU.sparse.size", "4096") + record("GNU.sparse.numblocks", "2") +
                     record("GNU.sparse.offset", "0") + record("GNU.sparse.numbytes", "4") +
                     record("GNU.sparse.offset", "1000") + record("GNU.sparse.numbytes", "4");
  std::string one = record("GNU.sparse.size", "4096") + record("GNU.sparse.numblocks", "3") +
                    record("GNU.sparse.map", "0,4,1000,4,4096,0") + record("GNU.sparse.name", "name");
  std::string two = record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
                    record("GNU.sparse.name", "name") + record("GNU.sparse.realsize", "4096");
  std::string map = "3\n0\n4\n1000\n4\n4096\n0\n";
  map.resize(kTarBlock);
  for (const std::string& archive :
       {TarBuilder().pax(zero).add({.name = "name", .contents = contents}).end(),
        TarBuilder().pax(one).add({.name = "./GNUSparseFile.1/name", .contents = contents}).end(),
        TarBuilder().pax(two).add({.name = "./GNUSparseFile.1/name", .contents = map + contents}).end()}) {
    Read read = read_one(archive);
    CHECK(read.entry.path == "name");
    CHECK(read.entry.sparse);
    CHECK(read.entry.size == 4096);
    REQUIRE(read.entry.extents.size() == 2);
    CHECK(read.entry.extents[1].offset == 1000);
    CHECK(read.entry.extents[1].size == 4);
    CHECK(read.contents == contents);
  }
}

TEST_CASE("sparse maps that overlap, exceed or lie are refused") {
  auto sparse = [](std::string_view map, std::string_view size = "4096") {
    return error_of(TarBuilder()
                        .pax(record("GNU.sparse.size", size) + record("GNU.sparse.map", map))
                        .add({.name = "f", .contents = "12345678"})
                        .end());
  };
  CHECK(sparse("0,4,1000,4") == "none");
  CHECK(sparse("0,4,2,4").find("overlap") != std::string::npos);
  CHECK(sparse("1000,4,0,4").find("out of order") != std::string::npos);
  CHECK(sparse("0,4,4094,4").find("behind the end") != std::string::npos);
  CHECK(sparse("0,4,9223372036854775807,4").find("behind the end") != std::string::npos);
  CHECK(sparse("0,4,9,9223372036854775807").find("behind the end") != std::string::npos);
  CHECK(sparse("0,4").find("the member has 8") != std::string::npos);
  CHECK(sparse("0,4,100,5").find("the member has 8") != std::string::npos);
  CHECK(sparse("0,4,100").find("has no size") != std::string::npos);
  CHECK(sparse("0,,4,4").find("not a number") != std::string::npos);
  CHECK(sparse("0,4,-1,4").find("not a number") != std::string::npos);
  CHECK(sparse("0,4,1000,4", "18446744073709551615").find("not a number") != std::string::npos);
  CHECK(sparse("0,4,1000,4", "99999999999999").find("limits.fileBytes") != std::string::npos);
  std::string version =
      record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.realsize", "9");
  for (std::string_view map : {"9999999999\n", "1\n0\n", "x\n", "111111111111111111111111111", "-1\n"}) {
    std::string padded(map);
    padded.resize(kTarBlock);
    CHECK(error_of(TarBuilder().pax(version).add({.name = "f", .contents = padded}).end())
              .find("map of a sparse file") != std::string::npos);
  }
}

TEST_CASE("sizes that make no sense are refused") {
  for (std::string_view size :
       {std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12),  // -1
        std::string_view("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12),        // 2^63-1
        std::string_view("\x80\0\0\1\0\0\0\0\0\0\0\0", 12),                        // 2^64
        std::string_view("\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12),
        std::string_view("00000000008"), std::string_view("-0000000001"), std::string_view("0x100")}) {
    auto all = read_all(TarBuilder().add({.name = "f", .contents = "x", .size = std::string(size)}).end());
    REQUIRE_FALSE(all);
    CHECK(all.error().kind == Kind::kInvalid);
    // The same for the size of an extended header.
    CHECK_FALSE(read_all(
        TarBuilder().add({.name = "f", .type = 'x', .contents = "x", .size = std::string(size)}).end()));
  }
  CHECK(error_of(TarBuilder().pax(record("size", "18446744073709551616")).add({.name = "f"}).end())
            .find("not a number") != std::string::npos);
  CHECK(error_of(TarBuilder().pax(record("size", "-5")).add({.name = "f"}).end()).find("not a number") !=
        std::string::npos);
}

TEST_CASE("an archive that ends too early or is no archive is refused") {
  std::string whole =
      TarBuilder().pax(record("mtime", "1.5")).add({.name = "f", .contents = std::string(1000, 'x')}).end();
  for (size_t size = 1; size < 512 * 5; size += 100) {
    INFO(size);
    CHECK_FALSE(read_all(std::string_view(whole).substr(0, size)));
  }
  // Readers agree that the end's blocks may be missing, and that what follows them is nothing.
  CHECK(error_of(std::string_view(whole).substr(0, 5 * 512)) == "none");
  CHECK(error_of(whole + std::string(9000, 'x')) == "none");
  CHECK(error_of("") == "none");
  CHECK(error_of(std::string(512, 'x')).find("checksum") != std::string::npos);
  std::string flipped = whole;
  flipped[1024 + 3] = 'y';
  CHECK(error_of(flipped).find("checksum") != std::string::npos);
}

TEST_CASE("extended headers that are broken or without end are refused") {
  for (std::string_view bad : {"5 a=b\n", "x a=b\n", "6 a=b", "8 path\n", "99 a=b\n", "-6 a=b\n", "6 =bc\n",
                               "0 a=b\n", "3 \n", "18446744073709551616 a=b\n"})
    CHECK(error_of(TarBuilder().pax(bad).add({.name = "f"}).end()).find("pax record") != std::string::npos);
  CHECK(error_of(TarBuilder().pax(record("path", std::string_view("a\0b", 3))).add({.name = "f"}).end())
            .find("NUL") != std::string::npos);
  // A bomb of records, one of headers, one of xattrs, one of global headers.
  std::string records;
  while (records.size() <= 1 << 20) records += record("comment", std::string(1000, 'c'));
  CHECK(error_of(TarBuilder().pax(records).add({.name = "f"}).end()).find("more than 1048576") !=
        std::string::npos);
  TarBuilder endless;
  for (int i = 0; i < 20; ++i) endless.pax(record("comment", "c"));
  CHECK(error_of(endless.add({.name = "f"}).end()).find("in a row") != std::string::npos);
  records.clear();
  for (int i = 0; i < 2000; ++i) records += record(cat("SCHILY.xattr.user.", i), "x");
  CHECK(error_of(TarBuilder().pax(records).add({.name = "f"}).end()).find("more than 1024 xattrs") !=
        std::string::npos);
  CHECK(
      error_of(
          TarBuilder().pax(record("SCHILY.xattr.user.x", std::string(70'000, 'x'))).add({.name = "f"}).end())
          .find("limits.xattrBytes") != std::string::npos);
  CHECK(error_of(TarBuilder().pax(record("comment", std::string(20'000, 'x')), 'g').end())
            .find("more than 16384") != std::string::npos);
  CHECK(error_of(TarBuilder().pax(record("path", "x")).end()).find("ends behind") != std::string::npos);
  CHECK(error_of(TarBuilder().pax(record("comment", "x"), 'g').end()) == "none");
}

TEST_CASE("owners and devices out of range are refused") {
  for (std::string_view id : {"4294967295", "4294967296", "18446744073709551615"})
    CHECK_FALSE(read_all(TarBuilder().pax(record("uid", id)).add({.name = "f"}).end()));
  CHECK_FALSE(read_all(TarBuilder().add({.name = "c", .type = '3', .major = "0010000", .minor = "0"}).end()));
  CHECK_FALSE(read_all(TarBuilder().add({.name = "c", .type = '3', .major = "0", .minor = "4000000"}).end()));
  CHECK_FALSE(read_all(TarBuilder().add({.name = ""}).end()));
  CHECK_FALSE(read_all(TarBuilder().add({.name = "l", .type = '2'}).end()));
}

TEST_CASE("limits on members, bytes and one file's bytes hold") {
  TarBuilder tar;
  for (int i = 0; i < 10; ++i) tar.add({.name = cat("f", i), .contents = std::string(1000, 'x')});
  CHECK(error_of(tar.end(), {.entries = 10}) == "none");
  CHECK(error_of(tar.end(), {.entries = 9}) ==
        "member \"f9\" of the archive: the archive has more than 9 members (limits.entries)");
  CHECK(error_of(tar.end(), {.bytes = 10'000}) == "none");
  CHECK(error_of(tar.end(), {.bytes = 9'999}).find("limits.bytes") != std::string::npos);
  CHECK(error_of(tar.end(), {.file_bytes = 999}).find("limits.fileBytes") != std::string::npos);
}

namespace {

// The same block again and again.
class EndlessSource final : public ByteSource {
 public:
  EndlessSource(std::string_view block, uint64_t count) : block_(block), left_(block.size() * count) {}
  Result<size_t> read(std::span<char> into) override {
    size_t done = 0;
    for (; done < into.size() && left_ > 0; ++done, --left_) {
      into[done] = block_[at_];
      if (++at_ == block_.size()) at_ = 0;
    }
    return done;
  }
  [[nodiscard]] uint64_t left() const { return left_; }

 private:
  std::string_view block_;
  uint64_t left_;
  size_t at_ = 0;
};

}  // namespace

TEST_CASE("a million empty files, and an archive that does not end, end at a limit") {
  std::string block = TarBuilder().add({.name = "f"}).unfinished();
  EndlessSource files(block, 1'000'000);
  TarReader reader(files, {});
  TarEntry entry;
  Result<bool> there = true;
  uint64_t count = 0;
  for (; there && *there; ++count) there = reader.next(entry);
  REQUIRE_FALSE(there);
  CHECK(there.error().text.find("more than 600000 members (limits.entries)") != std::string::npos);
  CHECK(count == 600'001);

  std::string zeros(1 << 20, '\0');
  EndlessSource tail(zeros, 1 << 20);
  TarReader drained(tail, {.bytes = 1 << 20, .entries = 1000});
  CHECK_FALSE(*drained.next(entry));
  CHECK(drained.drain().error().text.find("longer than files of 1048576 bytes need") != std::string::npos);
  CHECK(tail.left() > uint64_t{1000} << 30);
}

TEST_CASE("what is written is read as it was") {
  std::vector<TarEntry> entries(1);
  entries[0].path = "plain";
  entries[0].mode = 04755;
  for (size_t length : {99, 100, 101, 155, 256, 257, 1000}) {
    TarEntry entry;
    entry.path = std::string(length / 2, 'd') + '/' + std::string(length - length / 2 - 1, 'f');
    entry.size = length;
    entry.mtime = 1'700'000'000;
    entry.mtime_ns = length == 101 ? 120'000'000 : 0;
    entries.push_back(entry);
  }
  TarEntry odd;
  odd.path = "odd";
  odd.type = EntryType::kSymlink;
  odd.link = std::string(200, 'l');
  odd.uid = 3'000'000'000;
  odd.mtime = -2;
  odd.mtime_ns = 750'000'000;
  odd.xattrs = {{"security.capability", std::string("\1\0\0\2", 4)}, {"user.a", ""}};
  entries.push_back(odd);
  TarEntry device;
  device.path = "dev/null";
  device.type = EntryType::kCharDevice;
  device.device_major = 1;
  device.device_minor = 3;
  entries.push_back(device);
  TarEntry sparse;
  sparse.path = std::string(120, 's');
  sparse.size = 1 << 30;
  sparse.sparse = true;
  sparse.extents = {{.offset = 4096, .size = 10}, {.offset = 1 << 20, .size = 600}};
  entries.push_back(sparse);
  StringSink out;
  TarWriter writer(out);
  auto stored = [](const TarEntry& entry) { return entry.sparse ? 610 : entry.size; };
  for (const TarEntry& entry : entries) {
    REQUIRE(writer.header(entry));
    REQUIRE(writer.data(std::string(stored(entry), 'z')));
  }
  REQUIRE(writer.finish());
  CHECK(out.text.size() % 512 == 0);
  auto all = read_all(out.text);
  if (!all) FAIL(all.error().text);
  REQUIRE(all->size() == entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const TarEntry &is = (*all)[i].entry, &was = entries[i];
    INFO(was.path);
    CHECK(is.path == was.path);
    CHECK(is.link == was.link);
    CHECK(is.type == was.type);
    CHECK(is.mode == was.mode);
    CHECK(is.uid == was.uid);
    CHECK(is.size == was.size);
    CHECK(is.mtime == was.mtime);
    CHECK(is.mtime_ns == was.mtime_ns);
    CHECK(is.device_major == was.device_major);
    CHECK(is.device_minor == was.device_minor);
    CHECK(is.xattrs == was.xattrs);
    CHECK(is.extents.size() == was.extents.size());
    CHECK((*all)[i].contents == std::string(stored(was), 'z'));
  }
}

TEST_CASE("a writer keeps to what a header promised") {
  StringSink out;
  TarWriter writer(out);
  TarEntry entry;
  entry.path = "f";
  entry.size = 5;
  REQUIRE(writer.header(entry));
  CHECK(writer.data(std::string_view("too long")).error().kind == Kind::kState);
  REQUIRE(writer.data(std::string_view("1234")));
  CHECK(writer.finish().error().kind == Kind::kState);
  REQUIRE(writer.data(std::string_view("5")));
  CHECK(writer.finish());
}
