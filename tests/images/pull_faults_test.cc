// Whole pulls from a registry that misbehaves: the image comes, or nothing does.
#include "images/blobs/blob_writer.h"
#include "images/transfer/transfer.h"
#include "tests/catch.h"
#include "tests/images/fake_registry.h"
#include "tests/images/layered_image.h"
#include "tests/images/store_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

class Silent final : public Progress {
 public:
  void say(std::string_view) override {}
  void layer(const Digest&, TransferStage, uint64_t, uint64_t) override {}
};

// A registry with one image of two layers, named team/x:1, whose answers pass through `spoil`.
struct ImageRegistry {
  std::map<std::string, std::string> contents;  // by the last part of the target
  std::string manifest;
  std::vector<std::string> layers;
  std::function<FakeReply(const FakeRequest&, FakeReply)> spoil = [](const FakeRequest&, FakeReply reply) {
    return reply;
  };
  FakeRegistry registry{[this](const FakeRequest& request) { return spoil(request, answer(request)); }};

  ImageRegistry() {
    ImageConfig config;
    config.platform = host_platform();
    Manifest image;
    for (const char* name : {"a", "b"}) {
      layers.push_back(archive_of({a_file(name, random_text(300'000) + name)}));
      image.layers.push_back(add(layers.back(), media_type::kOciLayer));
      config.diff_ids.push_back(digest_of(layers.back()));
    }
    image.config = add(print_image_config(config), media_type::kOciConfig);
    manifest = print_manifest(image);
    add(manifest, media_type::kOciManifest);
    contents["1"] = manifest;
  }
  Descriptor add(const std::string& text, std::string_view type) {
    Descriptor descriptor = descriptor_of(text);
    descriptor.media_type = type;
    contents[descriptor.digest.text()] = text;
    return descriptor;
  }
  [[nodiscard]] FakeReply answer(const FakeRequest& request) const {
    auto found = contents.find(request.target.substr(request.target.rfind('/') + 1));
    if (found == contents.end()) return not_found();
    if (request.target.find("/manifests/") == std::string::npos) return serve(request, found->second);
    FakeReply reply = manifest_reply(found->second);
    if (found->second.find("\"manifests\"") != std::string::npos)
      reply.headers[0].second = media_type::kOciIndex;
    return reply;
  }
  [[nodiscard]] bool is_layer(const FakeRequest& request, size_t which) const {
    return request.target.ends_with("/" + digest_of(layers[which]).text());
  }
  [[nodiscard]] Reference name() const { return *parse_reference(registry.host() + "/team/x:1"); }
};

struct Place {
  TemporaryDirectory directory;
  ImagesConfig config = config_at(directory.path() + "/store");
  Silent progress;
  Place() { config.format = "tree"; }
  [[nodiscard]] Result<Image> pull_from(const ImageRegistry& registry) {
    Store store = open_store(config);
    return pull(store, registry.name(), {}, progress);
  }
  // The store has no name, and nothing in it is broken.
  void check_clean() const {
    Store store = open_store(config);
    CHECK(list_names(store).value_or(std::vector<NamedImage>(1)).empty());
    Result<VerifyReport> report = verify_store(store, false);
    REQUIRE(report);
    CHECK(report->faults == std::vector<std::string>{});
  }
};

std::string error_of(const Result<Image>& image) {
  return image ? std::string("no error") : image.error().text;
}

}  // namespace

TEST_CASE("an image comes through connections that break, errors that pass and ranges that are ignored") {
  ImageRegistry from;
  Place place;
  from.spoil = [&](const FakeRequest& request, FakeReply reply) {
    if (from.is_layer(request, 0) && request.number < 3) reply.close_after = 70'000;
    if (from.is_layer(request, 1) && request.number == 0) reply.close_after = 100'000;
    if (from.is_layer(request, 1) && request.number == 1) return FakeReply{.body = from.layers[1]};
    if (request.target.ends_with("/1") && request.number == 0) return FakeReply{.status = 500};
    return reply;
  };
  Result<Image> image = place.pull_from(from);
  CHECK(error_of(image) == "no error");
  Store store = open_store(place.config);
  for (const std::string& layer : from.layers)
    CHECK((read_blob(store, digest_of(layer), 1 << 20).value_or("") == layer));
}

TEST_CASE("a layer that is not what its digest says is refused, nothing stays, and the next pull succeeds") {
  ImageRegistry from;
  Place place;
  int lie = GENERATE(0, 1, 2, 3);
  from.spoil = [&](const FakeRequest& request, FakeReply reply) {
    if (!from.is_layer(request, 1)) return reply;
    if (lie == 0) reply.body[100'000] = static_cast<char>(reply.body[100'000] ^ 1);
    if (lie == 1) reply.body += "more";
    if (lie == 2) reply.endless = true;
    if (lie == 3) return FakeReply{.status = 403};
    return reply;
  };
  Result<Image> image = place.pull_from(from);
  REQUIRE(!image);
  CHECK_THAT(image.error().text, Catch::StartsWith("pull \"" + from.name().text() + "\": "));
  place.check_clean();
  from.spoil = [](const FakeRequest&, FakeReply reply) { return reply; };
  CHECK(error_of(place.pull_from(from)) == "no error");
}

TEST_CASE("an index that leads to itself is refused") {
  ImageRegistry from;
  Place place;
  Index index;
  Descriptor entry = descriptor_of("whatever");
  entry.media_type = media_type::kOciIndex;
  entry.platform = host_platform();
  index.manifests = {entry};
  std::string text = print_index(index);
  from.contents["1"] = text;
  from.contents[entry.digest.text()] =
      text;  // the registry gives the index again where its entry is asked for
  Result<Image> image = place.pull_from(from);
  REQUIRE(!image);
  CHECK_THAT(image.error().text, Catch::Contains(entry.digest.text()));
  CHECK(from.registry.requests().size() <= 4);
  place.check_clean();
}

TEST_CASE("a tag that moves during a pull does not mix two images") {
  ImageRegistry from;
  Place place;
  from.spoil = [&](const FakeRequest& request, FakeReply reply) {
    if (request.target.ends_with("/1") && request.number > 0) return manifest_reply(R"({"schemaVersion":2})");
    return reply;
  };
  Result<Image> image = place.pull_from(from);
  REQUIRE(image);
  CHECK(image->target.digest == digest_of(from.manifest));
}

TEST_CASE("what a trust policy refuses is not downloaded") {
  ImageRegistry from;
  Place place;
  place.config.policy = place.directory.path() + "/policy.json";
  REQUIRE(write_file_atomically(place.config.policy, R"({"default": "never"})"));
  Result<Image> image = place.pull_from(from);
  REQUIRE(!image);
  CHECK_THAT(image.error().text, Catch::Contains("is refused by trust policy"));
  for (const std::string& layer : from.layers)
    CHECK(from.registry.count("GET", "/v2/team/x/blobs/" + digest_of(layer).text()) == 0);
  place.check_clean();
}
