#include "images/unpack/unpack.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <random>
#include <thread>

#include "images/blobs/blob_writer.h"
#include "tests/catch.h"
#include "tests/images/composed_root.h"
#include "tests/images/tree_listing.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::tests;

namespace {

void shell(const std::string& directory, const std::string& script) {
  Result<Captured> ran = run_captured({.path = "/bin/bash",
                                       .args = {"bash", "-euc", script},
                                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
                                       .join = {},
                                       .directory = directory},
                                      "", 60000);
  REQUIRE(ran);
  INFO(ran->out << ran->err);
  REQUIRE(ran->status == 0);
}

Result<Digest> unpack_file(const Store& store, const std::string& path, LayerFormat format) {
  TRY_ASSIGN(UniqueFd fd, open_file(path, O_RDONLY));
  FdSource source(fd.get(), path);
  return unpack_layer(store, Digest(), source, format);
}

template <typename T>
T expect(Result<T> result) {
  INFO((result ? std::string() : result.error().text));
  REQUIRE(result);
  return std::move(*result);
}

// Every file a kind of its own; times below seconds, holes, xattrs, ACLs, capabilities, devices, long names.
constexpr const char* kManyKinds = R"sh(
mkdir -p tree/{bin,etc,dev,empty,acl} tree/deep/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
cd tree
cp /bin/ls bin/ls; chmod 4755 bin/ls; ln bin/ls bin/dir; ln -s ls bin/l; ln bin/l bin/l2
seq 100000 > etc/large; seq 40 > etc/small; : > etc/none; head -c 512 /dev/zero > etc/512; head -c 513 /dev/zero > etc/513
head -c 300000 /dev/zero | tr '\0' x > etc/300000
truncate -s 50M etc/sparse; printf x | dd of=etc/sparse bs=1 seek=30000000 conv=notrunc status=none
truncate -s 200 etc/hole; truncate -s 20000 etc/hole2
mkfifo -m 622 dev/fifo; mknod -m 666 dev/null c 1 3; mknod -m 660 dev/sda b 259 70000
cp /bin/true bin/ping; setcap cap_net_raw+ep bin/ping
setfattr -n user.note -v text etc/small; setfattr -n trusted.t -v u empty
setfacl -m u:4033:r etc/small; setfacl -d -m g:4044:rwx acl; chmod 1777 acl
chown 12:34 etc etc/small; chown -h 5:6 bin/l
ln -s "$(printf 'target/%.0s' {1..500})" bin/long; printf 'x' > "deep/$(printf 'f%.0s' {1..255})"
touch -d '1970-01-02 03:04:05.000000001 UTC' etc/none; touch -d '2038-01-20 UTC' etc/large
touch -d '1960-01-01 UTC' etc
for i in $(seq 600); do echo $i > empty/number-$i; done
)sh";

}  // namespace

TEST_CASE("a composed root is what GNU tar unpacks") {
  ScratchDirectory scratch;
  shell(scratch.path, kManyKinds);
  std::string archive = scratch.path + "/archive.tar";
  shell(scratch.path,
        "tar --format=pax --sparse --xattrs --xattrs-include='*' --acls -C tree -cf archive.tar . && "
        "mkdir extracted && tar --xattrs --xattrs-include='*' --acls -p --same-owner -C extracted -xf "
        "archive.tar");
  Store store = make_store(scratch.path + "/store");
  Digest layer = expect(unpack_file(store, archive, LayerFormat::kComposed));
  CHECK(layer == digest_of(expect(read_file(archive))));
  Image image = image_of({layer});
  CHECK(prepare_image(store, image, LayerFormat::kComposed));
  CHECK(fsck(cat(store.path(), "/composed/", image.id().file_name())) == "");
  if (!mounts_composed(store, image)) return;
  UniqueFd root = expect(mount_composed(store, image));
  UniqueFd extracted = expect(open_file(scratch.path + "/extracted", O_PATH | O_DIRECTORY));
  std::vector<std::string> ours = list_tree(root.get()), theirs = list_tree(extracted.get());
  CHECK(ours.size() > 600);
  CHECK(difference(ours, theirs) == "");
}

TEST_CASE("equal files of two images are one inode and one page cache") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  constexpr size_t kPages = 64, kPage = 4096;
  std::string content;
  for (unsigned i = 0; content.size() < kPages * kPage; i++) content += cat("line ", i, '\n');
  content.resize(kPages * kPage);
  // Different names, owners and modes, in layers that are not equal.
  auto image_with = [&](const char* name, const char* mode, const char* uid) {
    TarBuilder tar;
    tar.add({.name = name, .contents = content, .mode = mode, .uid = uid});
    Image image = image_of({expect(unpack_text(store, tar.end(), LayerFormat::kComposed))});
    REQUIRE(prepare_image(store, image, LayerFormat::kComposed));
    return image;
  };
  Image first = image_with("bin/one", "0000755", "0"), second = image_with("lib/two", "0000640", "7");
  std::string hex = digest_of(content).hex(),
              object = cat(store.path(), "/objects/", hex.substr(0, 2), '/', hex);
  UniqueFd object_fd = expect(open_file(object, O_RDONLY));
  if (!mounts_composed(store, first)) return;
  UniqueFd one = expect(mount_composed(store, first)), two = expect(mount_composed(store, second));
  // mincore(2) tells of a mapping's file what is in memory, whoever brought it there.
  auto resident = [&](int at, const char* name) {
    UniqueFd fd = expect(open_at(at, name, O_RDONLY));
    void* map = mmap(nullptr, kPages * kPage, PROT_READ, MAP_SHARED, fd.get(), 0);
    REQUIRE(map != MAP_FAILED);
    unsigned char pages[kPages];
    CHECK(mincore(map, kPages * kPage, pages) == 0);
    munmap(map, kPages * kPage);
    return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; });
  };
  REQUIRE(fsync(object_fd.get()) == 0);
  REQUIRE(posix_fadvise(object_fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  REQUIRE(resident(two.get(), "lib/two") == 0);
  CHECK(expect(read_file_at(one.get(), "bin/one")) == content);
  CHECK(resident(two.get(), "lib/two") == kPages);  // never read through this image
  CHECK(resident(AT_FDCWD, object.c_str()) == kPages);
  // The root that is read is the one with its own owner and mode.
  struct stat facts{};
  REQUIRE(fstatat(two.get(), "lib/two", &facts, 0) == 0);
  CHECK(facts.st_uid == 7);
  CHECK((facts.st_mode & 07777) == 0640);
  REQUIRE(fstat(object_fd.get(), &facts) == 0);
  CHECK(facts.st_nlink == 1);
  CHECK((facts.st_mode & 07777) == 0444);
}

TEST_CASE("a layer killed at any moment is there whole or not at all", "[fault][rounds]") {
  ScratchDirectory scratch;
  std::string large;
  for (unsigned i = 0; large.size() < 700'000; i++) large += cat(i, ' ');
  TarBuilder tar;
  for (unsigned i = 0; i < 300; i++) {
    std::string content =
        i % 50 == 0 ? large.substr(0, 300'000 + i * 1000) : large.substr(i, 10 + i * 7 % 3000);
    tar.add({.name = cat("d", i % 7, "/f", i), .contents = content});
  }
  std::string archive = tar.end();
  Digest digest = digest_of(archive);
  std::mt19937 random(7);
  size_t killed = 0;
  for (int round = 0; round < 24; round++) {
    INFO("round " << round);
    LayerFormat format = round % 4 == 3 ? LayerFormat::kTree : LayerFormat::kComposed;
    Store store = make_store(cat(scratch.path, "/store", round / 8));
    ignore(remove_tree(cat(store.path(), "/layers/", digest.file_name())), "of the round before");
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) _exit(unpack_text(store, archive, format) ? 0 : 1);
    timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 30'000'000)};
    nanosleep(&pause, nullptr);
    kill(pid, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    killed += WIFSIGNALED(status);
    CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
    // What is published is complete.
    if (auto layer = find_layer(store, digest, LayerFormat::kComposed)) {
      UniqueFd index = expect(open_file(*layer + "/index", O_RDONLY));
      size_t objects = 0;
      CHECK(read_layer_objects(index.get(), [&](std::string_view hex, uint64_t size) {
        Result<std::string> object = read_file(cat(store.path(), "/objects/", hex.substr(0, 2), '/', hex));
        CHECK((object && object->size() == size && digest_of(*object).hex() == hex));
        ++objects;
      }));
      CHECK(objects > 200);
    }
    // Objects are there whole or not at all as well: they are used again without being read.
    Result<VerifyReport> report = verify_store(store, false);
    REQUIRE(report);
    CHECK(report->faults.empty());
    CHECK(expect(unpack_text(store, archive, format)) == digest);
    CHECK(expect(find_layer(store, digest, format)).ends_with(digest.file_name()));
  }
  CHECK(killed > 0);
}

TEST_CASE("threads that unpack the same layer all have it") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  TarBuilder tar;
  for (unsigned i = 0; i < 200; i++) tar.add({.name = cat("f", i), .contents = std::string(700 + i, 'c')});
  std::string archive = tar.end();
  std::vector<Result<Digest>> results(6);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < results.size(); i++)
      threads.emplace_back([&, i] {
        results[i] = unpack_text(store, archive, i % 3 == 2 ? LayerFormat::kTree : LayerFormat::kComposed);
      });
  }
  for (const Result<Digest>& result : results) {
    INFO((result ? std::string() : result.error().text));
    REQUIRE(result);
    CHECK(*result == digest_of(archive));
  }
  for (LayerFormat format : {LayerFormat::kComposed, LayerFormat::kTree})
    CHECK(find_layer(store, digest_of(archive), format));
  CHECK(rmdir((store.path() + "/tmp").c_str()) == 0);  // nothing left in it
}

TEST_CASE("a layer that is not what its diffID says is not published") {
  ScratchDirectory scratch;
  Store store = make_store(scratch.path + "/store");
  std::string archive = TarBuilder().add({.name = "f", .contents = "x"}).end();
  Digest other = digest_of("another archive");
  for (LayerFormat format : {LayerFormat::kComposed, LayerFormat::kTree}) {
    MemorySource source(archive);
    Result<Digest> unpacked = unpack_layer(store, other, source, format);
    REQUIRE_FALSE(unpacked);
    CHECK(unpacked.error().kind == Kind::kInvalid);
    CHECK(unpacked.error().text.find(digest_of(archive).text()) != std::string::npos);
  }
  // Padding behind the archive counts.
  std::string padded = archive + std::string(10240, '\0');
  MemorySource source(padded);
  CHECK(unpack_layer(store, digest_of(padded), source, LayerFormat::kComposed));
  MemorySource again(archive);  // already there by its digest, but these are other bytes
  CHECK_FALSE(unpack_layer(store, digest_of(padded), again, LayerFormat::kComposed));
}
