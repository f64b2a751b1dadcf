#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

struct Case {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  Descriptor one;

  Case() {
    one = make_image(store, {"base", "one"});
    REQUIRE(give_name(store, "one", one));
    put_layer(store, "base", "content of base");
    put_layer(store, "one", "content of one");
    REQUIRE(make_directories(layer_path(store, "tree") + "/tree", 0755));
    REQUIRE(write_file_atomically(composed(), "erofs"));
  }
  [[nodiscard]] std::string composed() const {
    return cat(directory.path(), "/composed/", find_image(store, "one")->id().file_name());
  }
  [[nodiscard]] VerifyReport verified(bool repair = false) const {
    auto report = verify_store(store, repair);
    INFO((report ? std::string() : report.error().text));
    REQUIRE(report);
    return *report;
  }
  // `when_repairing`: what is removed may be missed by what is looked at later.
  void check_fault(std::string_view words, size_t count = 1, size_t when_repairing = 1) const {
    VerifyReport report = verified();
    INFO((report.faults.empty() ? std::string() : report.faults[0]));
    REQUIRE(report.faults.size() == count);
    CHECK(report.faults[0].find(words) != std::string::npos);
    CHECK(verified().faults.size() == count);  // looking changes nothing
    CHECK(verified(true).faults.size() == when_repairing);
  }
};

}  // namespace

TEST_CASE("a good store has no faults") {
  Case c;
  VerifyReport report = c.verified(true);
  CHECK(report.faults.empty());
  CHECK(report.blobs == 4);
  CHECK(report.layers == 3);
  CHECK(report.objects == 2);
  CHECK(find_image(c.store, "one"));
}

TEST_CASE("a blob that changed on disk is found and removed") {
  Case c;
  std::string path = *find_blob(c.store, digest_of("one"));
  REQUIRE(write_file_atomically(path, "onf"));
  c.check_fault("its content has the digest", 1, 2);
  CHECK_FALSE(is_there(path));
  CHECK(c.verified().faults.size() == 1);  // the image misses it until it is pulled again
  CHECK(find_image(c.store, "one"));
  REQUIRE(put_blob(c.store, "one", media_type::kOciLayer));
  CHECK(c.verified().faults.empty());
}

TEST_CASE("a name whose image is broken is removed by a repair") {
  Case c;
  SECTION("the manifest changed") {
    REQUIRE(write_file_atomically(*find_blob(c.store, c.one.digest), "{}"));
    c.check_fault("blob", 2, 2);
  }
  SECTION("the configuration is gone") {
    unlink(find_blob(c.store, find_image(c.store, "one")->id())->c_str());
    c.check_fault("is not in the image store");
  }
  SECTION("its file is no name") {
    REQUIRE(write_file_atomically(c.directory.path() + "/names/localhost!one:latest", "{}"));
    c.check_fault("name");
  }
  CHECK(list_names(c.store)->empty());
  CHECK(c.verified().faults.empty());
}

TEST_CASE("an unpacked layer that changed on disk is removed with what was composed of it") {
  Case c;
  SECTION("an object changed") {
    REQUIRE(write_file_atomically(object_path(c.store, "content of one"), "content of onf"));
    // Only looking finds the object; repairing removes it, and so finds that the layer misses it.
    CHECK(c.verified().faults.size() == 1);
    CHECK(c.verified(true).faults.size() == 2);
    CHECK_FALSE(is_there(object_path(c.store, "content of one")));
  }
  SECTION("an object is missing") {
    unlink(object_path(c.store, "content of one").c_str());
    c.check_fault("is missing");
  }
  SECTION("an object is too short") {
    REQUIRE(write_file_atomically(object_path(c.store, "content of one"), "content"));
    CHECK(c.verified(true).faults.size() == 2);
  }
  SECTION("the index is torn") {
    REQUIRE(truncate((layer_path(c.store, "one") + "/index").c_str(), 20) == 0);
    c.check_fault("layer");
  }
  CHECK_FALSE(is_there(layer_path(c.store, "one")));
  CHECK_FALSE(is_there(c.composed()));
  CHECK(is_there(layer_path(c.store, "base")));
  CHECK(c.verified().faults.empty());
}

TEST_CASE("a layer without a tree and files that belong nowhere are removed by a repair") {
  Case c;
  REQUIRE(make_directories(layer_path(c.store, "empty"), 0755));
  REQUIRE(write_file_atomically(c.directory.path() + "/blobs/sha256/letter", "dear"));
  REQUIRE(write_file_atomically(object_path(c.store, "content of one") + "x", "dear"));
  CHECK(c.verified(true).faults.size() == 3);
  CHECK(c.verified().faults.empty());
}
