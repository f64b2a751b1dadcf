#include "images/unify/usage.h"

#include <sys/stat.h>

#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

uint64_t on_disk(const std::string& path) {
  struct stat st{};
  REQUIRE(stat(path.c_str(), &st) == 0);
  return static_cast<uint64_t>(st.st_blocks) * 512;
}

StoreUsage usage_of(const Store& store) {
  auto usage = store_usage(store);
  INFO((usage ? std::string() : usage.error().text));
  REQUIRE(usage);
  return *usage;
}

}  // namespace

TEST_CASE("what composed images share is counted once") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string base(100'000, 'b'), same(50'000, 's');
  REQUIRE(give_name(store, "one", make_image(store, {"base", "one"})));
  REQUIRE(give_name(store, "two", make_image(store, {"base", "two"})));
  put_layer(store, "base", base);
  put_layer(store, "one", same);
  put_layer(store, "two", same);  // another layer with the same content
  StoreUsage usage = usage_of(store);
  REQUIRE(usage.images.size() == 2);
  uint64_t base_object = on_disk(object_path(store, base)), same_object = on_disk(object_path(store, same));
  for (const ImageUsage& image : usage.images) {
    CHECK(image.unpacked);
    CHECK(image.apparent == 150'000);
    CHECK(image.shared == base_object + same_object + on_disk(layer_path(store, "base") + "/index") +
                              on_disk(*find_blob(store, digest_of("base"))));
    CHECK(image.unique > 0);
    CHECK(image.alone == image.unique + image.shared);
  }
  CHECK(usage.disk == usage.images[0].unique + usage.images[1].unique + usage.images[0].shared);
  CHECK(usage.saved() == usage.images[0].shared);
  CHECK(usage.reflinked == 0);
  REQUIRE(remove_name(store, *parse_reference("two")));
  CHECK(usage_of(store).images.at(0).shared == 0);
}

TEST_CASE("files of trees with one inode are counted once") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  for (std::string_view name : {"one", "two"}) {
    REQUIRE(give_name(store, name, make_image(store, {std::string(name)})));
    REQUIRE(make_directories(layer_path(store, name) + "/tree/etc", 0755));
  }
  std::string one = layer_path(store, "one") + "/tree/etc/", two = layer_path(store, "two") + "/tree/etc/";
  REQUIRE(write_file_atomically(one + "a", std::string(100'000, 'a')));
  REQUIRE(link((one + "a").c_str(), (one + "own-link").c_str()) == 0);
  REQUIRE(write_file_atomically(two + "a", std::string(100'000, 'a')));
  StoreUsage apart = usage_of(store);
  CHECK(apart.saved() == 0);
  CHECK(apart.images[0].apparent == 100'000);
  unlink((two + "a").c_str());
  REQUIRE(link((one + "a").c_str(), (two + "a").c_str()) == 0);
  StoreUsage together = usage_of(store);
  CHECK(together.saved() == on_disk(one + "a"));
  CHECK(together.disk == apart.disk - on_disk(one + "a"));
  CHECK(together.images[1].shared == on_disk(one + "a"));
}

TEST_CASE("an image that is not unpacked takes its blobs") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  REQUIRE(give_name(store, "one", make_image(store, {"12345"})));
  StoreUsage usage = usage_of(store);
  REQUIRE(usage.images.size() == 1);
  CHECK_FALSE(usage.images[0].unpacked);
  CHECK(usage.images[0].apparent == 0);
  CHECK(usage.images[0].blobs > 5);
  CHECK(usage.images[0].unique == usage.disk);
}
