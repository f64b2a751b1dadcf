#include "images/store/store.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "images/store/scratch.h"
#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

std::string text_of(const std::string& path) {
  auto text = read_file(path);
  REQUIRE(text);
  return *text;
}

}  // namespace

TEST_CASE("a store is made, and opened again") {
  TemporaryDirectory directory;
  ImagesConfig config = config_at(directory.path() + "/a/b");
  CHECK(Store::open(config, Store::Access::kRead).error().kind == Kind::kNotFound);
  CHECK_FALSE(is_there(config.store));  // reading makes nothing
  open_store(config);
  CHECK(text_of(config.store + "/oci-layout") == "{\"imageLayoutVersion\":\"1.0.0\"}\n");
  CHECK(is_there(config.store + "/index.json"));
  CHECK(Store::open(config, Store::Access::kRead));
  REQUIRE(write_file_atomically(config.store + "/version", "2\n"));
  CHECK(Store::open(config, Store::Access::kRead).error().kind == Kind::kUnsupported);
}

TEST_CASE("a directory with something else is not taken for a store") {
  TemporaryDirectory directory;
  REQUIRE(write_file_atomically(directory.path() + "/letter", "dear"));
  auto store = Store::open(config_at(directory.path()), Store::Access::kWrite);
  REQUIRE_FALSE(store);
  CHECK(store.error().text.find("letter") != std::string::npos);
  CHECK_FALSE(is_there(directory.path() + "/blobs"));
}

TEST_CASE("a store that was half made is completed") {
  TemporaryDirectory directory;
  open_store(config_at(directory.path()));
  unlink((directory.path() + "/version").c_str());
  rmdir((directory.path() + "/leases").c_str());
  open_store(config_at(directory.path()));
  CHECK(is_there(directory.path() + "/leases"));
}

TEST_CASE("names are set, listed, replaced and removed") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  Descriptor one = make_image(store, {"one"}), two = make_image(store, {"one", "two"});
  REQUIRE(give_name(store, "r.example:5000/team/x:1", one));
  REQUIRE(give_name(store, "r.example:5000/team/x:1", two));
  REQUIRE(give_name(store, "y", two));
  Descriptor missing = one;
  missing.digest = digest_of("missing");
  CHECK(give_name(store, "z", missing).error().kind == Kind::kNotFound);
  auto names = list_names(store);
  REQUIRE(names);
  REQUIRE(names->size() == 2);
  CHECK(names->at(0).name.text() == "localhost/y:latest");
  CHECK(names->at(1).target.digest == two.digest);
  CHECK(names->at(1).created > 0);
  auto index = parse_manifest(text_of(directory.path() + "/index.json"), "");
  REQUIRE(index);
  const auto& entries = std::get<Index>(*index).manifests;
  REQUIRE(entries.size() == 2);
  CHECK(entries[1].annotations.at("org.opencontainers.image.ref.name") == "r.example:5000/team/x:1");
  REQUIRE(remove_name(store, *parse_reference("y")));
  CHECK(remove_name(store, *parse_reference("y")).error().kind == Kind::kNotFound);
  CHECK(list_names(store)->size() == 1);
  std::string longest = cat("r.example/", std::string(240, 'a'));
  REQUIRE(give_name(store, longest + ":1" + std::string(100, 'x'), one));
  REQUIRE(give_name(store, longest + ":2" + std::string(100, 'x'), two));
  CHECK(find_image(store, longest + ":1" + std::string(100, 'x'))->target.digest == one.digest);
  CHECK(find_image(store, longest + ":2" + std::string(100, 'x'))->target.digest == two.digest);
}

TEST_CASE("an image is found by what people type") {
  TemporaryDirectory directory;
  ImagesConfig config = config_at(directory.path());
  config.aliases["web"] = "r.example/team/nginx";
  config.search = {"other.example", "r.example"};
  Store store = open_store(config);
  Descriptor one = make_image(store, {"one"}), two = make_image(store, {"two"});
  REQUIRE(give_name(store, "r.example/team/nginx:1", one));
  REQUIRE(give_name(store, "r.example/tool", two));
  REQUIRE(give_name(store, "localhost/own", one));
  std::string id = find_image(store, "own")->id().hex();
  for (std::string_view text : {"r.example/team/nginx:1", "web:1", "own", "localhost/own:latest"}) {
    INFO(text);
    auto image = find_image(store, text);
    REQUIRE(image);
    CHECK(image->target.digest == one.digest);
  }
  CHECK(find_image(store, "tool")->target.digest == two.digest);
  CHECK(find_image(store, id)->target.digest == one.digest);
  CHECK(find_image(store, id.substr(0, 12))->target.digest == one.digest);
  CHECK(find_image(store, "sha256:" + id)->target.digest == one.digest);
  CHECK(find_image(store, one.digest.text())->names.size() == 2);
  CHECK(find_image(store, "r.example/team/nginx:1@" + one.digest.text()));
  CHECK(find_image(store, "r.example/team/nginx@" + one.digest.text()));
  for (std::string text :
       {std::string("r.example/team/nginx"), std::string("web"), std::string("nothing"),
        "r.example/team/nginx@" + two.digest.text(), id.substr(0, 3), std::string("0000")}) {
    INFO(text);
    CHECK(find_image(store, text).error().kind == Kind::kNotFound);
  }
  CHECK(find_image(store, "X").error().kind == Kind::kInvalid);
  CHECK(list_images(store)->size() == 2);
}

TEST_CASE("of an index the platform's image is taken") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  Index index;
  for (std::string_view architecture : {"s390x", "amd64", "arm64"}) {
    Platform platform = *parse_platform(architecture);
    Descriptor entry = make_image(store, {std::string(architecture)}, platform);
    entry.platform = platform;
    index.manifests.push_back(entry);
  }
  Index outer;
  outer.manifests.push_back(*put_blob(store, print_index(index), media_type::kOciIndex));
  Descriptor target = *put_blob(store, print_index(outer), media_type::kOciIndex);
  REQUIRE(give_name(store, "multi", target));
  CHECK(find_image(store, "multi", *parse_platform("s390x"))->manifest_descriptor.digest ==
        index.manifests[0].digest);
  CHECK(find_image(store, "multi")->config.platform == host_platform());
  auto absent = find_image(store, "multi", *parse_platform("riscv64"));
  REQUIRE_FALSE(absent);
  CHECK(absent.error().text.find("linux/riscv64") != std::string::npos);
}

TEST_CASE("a shared store is looked into, and not written") {
  TemporaryDirectory shared_directory, directory;
  Store shared = open_store(config_at(shared_directory.path()));
  Descriptor one = make_image(shared, {"one"});
  REQUIRE(give_name(shared, "base", one));
  ImagesConfig config = config_at(directory.path());
  config.shared_stores = {shared_directory.path()};
  ImagesConfig not_made = config;
  not_made.store = directory.path() + "/not-made";
  auto reading = Store::open(not_made, Store::Access::kRead);
  REQUIRE(reading);
  CHECK(find_image(*reading, "base")->target.digest == one.digest);
  CHECK_FALSE(is_there(not_made.store));
  Store store = open_store(config);
  CHECK(find_image(store, "base")->target.digest == one.digest);
  CHECK(list_names(store)->size() == 1);
  REQUIRE(give_name(store, "mine", one));
  CHECK(list_names(shared)->size() == 1);
  CHECK(remove_name(store, *parse_reference("base")).error().kind == Kind::kState);
  auto writer = BlobWriter::open(store, one.digest, one.size);
  REQUIRE(writer);
  CHECK(writer->already());
}

TEST_CASE("scratch is removed unless it is published") {
  TemporaryDirectory directory;
  Store store = open_store(config_at(directory.path()));
  std::string path;
  {
    auto scratch = Scratch::make_directory(store, "test");
    REQUIRE(scratch);
    path = scratch->path();
    REQUIRE(write_file_atomically(path + "/x", "x"));
  }
  CHECK_FALSE(is_there(path));
  auto scratch = Scratch::make_directory(store, "test");
  REQUIRE(scratch);
  REQUIRE(write_file_atomically(scratch->path() + "/x", "x"));
  REQUIRE(scratch->publish("layers/x"));
  CHECK(is_there(directory.path() + "/layers/x/x"));
  auto late = Scratch::make_directory(store, "test");
  REQUIRE(late);
  CHECK(late->publish("layers/x").error().kind == Kind::kExists);
}

TEST_CASE("the format of layers is what the configuration says, else what the kernel mounts") {
  TemporaryDirectory directory;
  ImagesConfig config = config_at(directory.path());
  config.format = "tree";
  CHECK(layer_format(open_store(config)) == LayerFormat::kTree);
  config.format = "composed";
  CHECK(layer_format(open_store(config)) == LayerFormat::kComposed);
  config.format = "auto";
  Store store = open_store(config);
  auto probed = layer_format(store);
  REQUIRE(probed);
  CHECK(layer_format(store) == *probed);  // now from the cache
  CHECK(find_layer(store, digest_of("x"), *probed).error().kind == Kind::kNotFound);
}
