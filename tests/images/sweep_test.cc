#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "images/store/scratch.h"
#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

struct Case {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  Descriptor one, two;
  Image first, second;

  Case() {
    one = make_image(store, {"base", "one"});
    two = make_image(store, {"base", "two"});
    REQUIRE(give_name(store, "one", one));
    REQUIRE(give_name(store, "two", two));
    for (std::string_view layer : {"base", "one", "two"}) put_layer(store, layer, cat("content of ", layer));
    put_object(store, "nobody's");
    first = *find_image(store, "one");
    second = *find_image(store, "two");
    std::string composed = cat(directory.path(), "/composed/", second.id().file_name());
    REQUIRE(write_file_atomically(composed, "erofs"));
  }
  [[nodiscard]] bool has_blob(const Digest& digest) const { return find_blob(store, digest).has_value(); }
  [[nodiscard]] bool has_layer(std::string_view name) const { return is_there(layer_path(store, name)); }
  [[nodiscard]] bool has_object(std::string_view layer) const {
    return is_there(object_path(store, cat("content of ", layer)));
  }
  Swept swept(const SweepOptions& options = {}) const {
    auto result = sweep(store, options);
    INFO((result ? std::string() : result.error().text));
    REQUIRE(result);
    return *result;
  }
};

}  // namespace

TEST_CASE("what names reach is not swept") {
  Case c;
  Swept swept = c.swept();
  CHECK(swept.blobs == 0);
  CHECK(swept.layers == 0);
  CHECK(swept.objects == 1);
  CHECK(swept.bytes >= 4096);
  CHECK(find_image(c.store, "one"));
  CHECK(find_image(c.store, "two"));
  CHECK(c.has_object("base"));
  CHECK(c.swept().objects == 0);
}

TEST_CASE("what no name reaches any more is swept") {
  Case c;
  REQUIRE(remove_name(c.store, *parse_reference("two")));
  Swept would = c.swept({.all = false, .dry_run = true});
  CHECK(c.has_blob(c.two.digest));
  CHECK(c.has_layer("two"));
  CHECK(c.has_object("two"));
  Swept swept = c.swept();
  CHECK(swept.blobs == 3);   // manifest, configuration, layer
  CHECK(swept.layers == 2);  // the unpacked one and the composed image
  CHECK(swept.objects == 2);
  CHECK(would.blobs == swept.blobs);
  CHECK(would.layers == swept.layers);
  CHECK(would.objects == swept.objects);
  CHECK(would.bytes == swept.bytes);
  CHECK_FALSE(c.has_blob(c.two.digest));
  CHECK_FALSE(c.has_layer("two"));
  CHECK_FALSE(c.has_object("two"));
  CHECK(c.has_blob(digest_of("base")));
  CHECK(c.has_layer("base"));
  CHECK(c.has_object("base"));
}

TEST_CASE("what a root uses is not swept") {
  Case c;
  put_root(c.store, "web", c.second);
  SECTION("when its image has no name any more") {
    REQUIRE(remove_name(c.store, *parse_reference("two")));
    c.swept();
    CHECK(c.has_blob(c.two.digest));  // so that the root can be committed
    CHECK(find_image(c.store, c.second.id().text()).error().kind == Kind::kNotFound);
    CHECK(find_image(c.store, c.two.digest.text()));
  }
  SECTION("when all is swept that no root uses") {
    Swept swept = c.swept({.all = true, .dry_run = false});
    CHECK(swept.names == std::vector<std::string>{"localhost/one:latest"});
    CHECK_FALSE(c.has_blob(c.one.digest));
    CHECK_FALSE(c.has_layer("one"));
    CHECK(find_image(c.store, "two"));
    auto index = read_file(c.directory.path() + "/index.json");
    REQUIRE(index);
    CHECK(index->find("localhost/one") == std::string::npos);
  }
  CHECK(c.has_layer("base"));
  CHECK(c.has_layer("two"));
  CHECK(c.has_object("two"));
}

TEST_CASE("what an image that is mounted needs is not swept") {
  Case c;
  REQUIRE(remove_name(c.store, *parse_reference("two")));
  // A mount like that of `image mount`, in a mount namespace that dies with this process.
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    std::string lower = c.directory.path() + "/names", upper = c.directory.path() + "/partial";
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(cat("shoji-image:", c.second.id().short_text()).c_str(), (c.directory.path() + "/l").c_str(),
              "overlay", MS_RDONLY, cat("lowerdir=", lower, ":", upper).c_str()) != 0)
      _exit(77);
    auto store = Store::open(config_at(c.directory.path()), Store::Access::kWrite);  // by its new mounts
    auto swept = sweep(*store, {.all = true, .dry_run = false});
    _exit(swept && swept->names.size() == 1 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
  CHECK(c.has_layer("two"));
  CHECK(c.has_object("base"));
  CHECK(c.has_blob(c.two.digest));
  CHECK_FALSE(c.has_layer("one"));
  c.swept();
  CHECK_FALSE(c.has_layer("two"));
}

TEST_CASE("what a living lease holds is not swept") {
  Case c;
  REQUIRE(remove_name(c.store, *parse_reference("one")));
  REQUIRE(remove_name(c.store, *parse_reference("two")));
  {
    auto lease = Lease::take(c.store, "test\nof a lease");
    REQUIRE(lease);
    REQUIRE(lease->hold(c.two.digest));
    // Everything here is younger than the lease, and would stay for that: another lease that seems to come later.
    auto names = read_directory(c.directory.path() + "/leases");
    REQUIRE(names.size() == 1);
    std::string path = c.directory.path() + "/leases/" + names[0];
    auto text = read_file(path);
    REQUIRE(text);
    auto fd = open_file(path, O_WRONLY | O_TRUNC);
    REQUIRE(fd);
    REQUIRE(write_all(fd->get(), cat("since 99999999999\n", c.two.digest.text(), "\n"), path));
    c.swept();
    CHECK(c.has_blob(c.two.digest));
    CHECK(c.has_blob(digest_of("two")));
    CHECK(c.has_layer("two"));
    CHECK(c.has_layer("base"));
    CHECK_FALSE(c.has_blob(c.one.digest));
    CHECK_FALSE(c.has_layer("one"));
  }
  CHECK(read_directory(c.directory.path() + "/leases").empty());
  c.swept();
  CHECK_FALSE(c.has_blob(c.two.digest));
}

TEST_CASE("what was written since a lease was taken is not swept") {
  Case c;
  REQUIRE(remove_name(c.store, *parse_reference("two")));
  auto lease = Lease::take(c.store, "test");
  REQUIRE(lease);
  auto blob = put_blob(c.store, "new", "text/plain");
  REQUIRE(blob);
  c.swept();
  CHECK(c.has_blob(blob->digest));
  CHECK(c.has_blob(c.two.digest));
  lease = Lease::take(c.store, "another");
  {
    Lease gone = std::move(*lease);
  }
  c.swept();
  CHECK_FALSE(c.has_blob(blob->digest));
}

TEST_CASE("no object is swept while a layer is unpacked") {
  Case c;
  {
    auto scratch = Scratch::make_directory(c.store, "layer");
    REQUIRE(scratch);
    CHECK(c.swept().objects == 0);
    CHECK(is_there(scratch->path()));
  }
  CHECK(c.swept().objects == 1);
}

TEST_CASE("what dead processes left is swept") {
  Case c;
  std::string root = c.directory.path();
  REQUIRE(write_file_atomically(root + "/leases/lease.1.2.3", "since 1\n" + digest_of("x").text() + "\n"));
  REQUIRE(make_directories(root + "/tmp/layer.1.2.3/tree/deep", 0755));
  REQUIRE(write_file_atomically(root + "/tmp/file.1.2.3", "x"));
  std::string text(1000, 'x');
  {
    REQUIRE(BlobWriter::open(c.store, digest_of("dead"), 5000)->write(text));
  }
  auto living = BlobWriter::open(c.store, digest_of("living"), 6);
  REQUIRE(living);
  Swept swept = c.swept();
  CHECK(swept.temporary == 4);
  CHECK(read_directory(root + "/tmp").empty());
  CHECK(read_directory(root + "/leases").empty());
  CHECK(read_directory(root + "/partial").size() == 1);
  REQUIRE(living->write(std::string_view("living")));
  CHECK(living->commit());
}

TEST_CASE("a document that cannot be read stops the sweep") {
  Case c;
  std::string blob = *find_blob(c.store, c.two.digest);
  SECTION("a manifest") {
    REQUIRE(write_file_atomically(blob, "{broken"));
  }
  SECTION("a name") {
    REQUIRE(write_file_atomically(c.directory.path() + "/names/x", "{broken"));
  }
  SECTION("a root's facts") {
    REQUIRE(make_directories(c.directory.path() + "/roots/x", 0755));
    REQUIRE(write_file_atomically(c.directory.path() + "/roots/x/facts.json", "{broken"));
  }
  auto result = sweep(c.store, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == Kind::kInvalid);
  CHECK(c.has_layer("two"));
}

TEST_CASE("a shared store is not swept, and what its names need of this one stays") {
  Case shared;
  TemporaryDirectory directory;
  ImagesConfig config = config_at(directory.path());
  config.shared_stores = {shared.directory.path()};
  Store store = open_store(config);
  put_layer(store, "one", "content of one");
  put_layer(store, "other", "content of other");
  REQUIRE(sweep(store, {.all = true, .dry_run = false}));
  CHECK(is_there(layer_path(store, "one")));
  CHECK_FALSE(is_there(layer_path(store, "other")));
  CHECK(is_there(object_path(shared.store, "nobody's")));
  CHECK(find_image(store, "two"));
}
