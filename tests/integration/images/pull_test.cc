// From a registry to a root that runs: what moves, what does not, and in how many forms.
#include <sys/stat.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

// A shop that talks to the registry without TLS.
void trust(const Workshop& shop, const Registry& registry) {
  shop.set("/registries/" + registry.address(), R"({"insecure": true})");
}

std::string busybox_layer() {
  return tar_of(busybox_members());
}

std::string file_layer(const std::string& path, const std::string& content) {
  return tar_of({{.path = path, .content = content}});
}

// What `cat FILE` prints in a fresh root of the image.
std::string cat_in(const Workshop& shop, const std::string& image, const std::string& file) {
  static int count = 0;
  std::string name = "root" + std::to_string(++count);
  shop.must({"root", "create", image, name});
  std::string root = shop.must({"root", "mount", name});
  std::string out = shop.run_in(root, {"/bin/busybox", "cat", file});
  shop.must({"root", "rm", "--force", name});
  return out;
}

void is_clean(const Workshop& shop) {
  Finished verified = shop.shoji({"image", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
}

}  // namespace

TEST_CASE("an image of somebody else is pulled and runs") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  bool docker_format = GENERATE(false, true);
  Made made = make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "things/paper:1", docker_format);
  std::string name = registry.address() + "/things/paper:1";
  shop.must({"pull", name});
  CHECK(cat_in(shop, name, "/etc/made-of") == "paper\n");
  is_clean(shop);
}

TEST_CASE("layers come in every compression") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  Packing packing = GENERATE(Packing::kNone, Packing::kGzip, Packing::kZstd);
  Made made = make_image(shop.layout(),
                         {.layers = {busybox_layer(), file_layer("made", "of layers")}, .packing = packing});
  registry.push_layout(made.layout, "packed:1");
  shop.must({"pull", registry.address() + "/packed:1"});
  CHECK(cat_in(shop, registry.address() + "/packed:1", "/made") == "of layers");
}

TEST_CASE("a layer that comes twice is moved once") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  std::string twice = file_layer("twice", "same");
  Made made =
      make_image(shop.layout(), {.layers = {busybox_layer(), twice, file_layer("twice", "other"), twice}});
  registry.push_layout(made.layout, "twice:1");
  shop.must({"pull", registry.address() + "/twice:1"});
  CHECK(registry.count("GET /v2/twice/blobs/" + made.layers[1] + " 200") == 1);
  CHECK(cat_in(shop, registry.address() + "/twice:1", "/twice") == "same");
}

TEST_CASE("only what is missing moves") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  Made first =
      make_image(shop.layout(), {.layers = {busybox_layer(), file_layer("a", "first")}, .tag = "first"});
  Made second =
      make_image(shop.layout(), {.layers = {busybox_layer(), file_layer("a", "second")}, .tag = "second"});
  registry.push_layout(first.layout, "first:1");
  registry.push_layout(second.layout, "second:1");
  REQUIRE(first.layers[0] == second.layers[0]);
  std::string one = registry.address() + "/first:1", two = registry.address() + "/second:1";
  shop.must({"pull", one});
  size_t before = registry.count("GET /v2/second/blobs/");
  shop.must({"pull", two});
  CHECK(registry.count("GET /v2/second/blobs/") == before + 2);  // its configuration and its second layer
  CHECK(registry.count("GET /v2/second/blobs/" + second.layers[0]) == 0);
  CHECK(cat_in(shop, two, "/a") == "second");

  // Everything is there: one question, no answer that is large.
  size_t all = registry.count("GET ");
  shop.must({"pull", two});
  CHECK(registry.count("GET ") <= all + 2);  // /v2/ may be asked for how to log in
  CHECK(registry.count("GET /v2/second/blobs/") == before + 2);
}

TEST_CASE("a blob that is there is unpacked without a registry, an unpacked layer needs its blob alone") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  Made made = make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "paper:1");
  std::string name = registry.address() + "/paper:1";
  shop.must({"pull", "--no-unpack", name});
  CHECK(std::filesystem::is_empty(shop.store() + "/layers"));
  std::string blobs = "GET /v2/paper/blobs/" + made.layers[0];
  CHECK(registry.count(blobs) == 1);
  shop.must({"pull", name});
  CHECK(registry.count(blobs) == 1);
  CHECK(!std::filesystem::is_empty(shop.store() + "/layers"));
  std::filesystem::remove(blob_path(shop.store(), made.layers[0]));
  shop.must({"pull", name});
  CHECK(registry.count(blobs) == 2);
  is_clean(shop);
}

TEST_CASE("of an index the image for the wanted platform is taken") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  Made amd =
      make_image(shop.layout(), {.layers = {busybox_layer(), file_layer("arch", "amd64")}, .tag = "amd"});
  Made arm = make_image(shop.layout(),
                        {.layers = {file_layer("arch", "arm64")}, .tag = "arm", .architecture = "arm64"});
  registry.push_layout(amd.layout, "multi:amd");
  registry.push_layout(arm.layout, "multi:arm");
  auto entry = [&](const Made& made, const std::string& architecture) {
    std::string text = read_text(blob_path(shop.layout(), made.manifest));
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + made.manifest +
           R"(","size":)" + std::to_string(text.size()) + R"(,"platform":{"os":"linux","architecture":")" +
           architecture + "\"}}";
  };
  std::string index =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
      entry(arm, "arm64") + "," + entry(amd, "amd64") + "]}";
  write_text(shop.scratch() + "/index.json", index);
  must({"curl", "-sSf", "-X", "PUT", "-H", "Content-Type: application/vnd.oci.image.index.v1+json",
        "--data-binary", "@" + shop.scratch() + "/index.json",
        "http://" + registry.address() + "/v2/multi/manifests/all"});
  std::string name = registry.address() + "/multi:all";
  shop.must({"pull", name});
  CHECK(cat_in(shop, name, "/arch") == "amd64");
  CHECK(registry.count("GET /v2/multi/blobs/" + arm.layers[0]) == 0);
  shop.must({"pull", "--all-platforms", name});
  CHECK(registry.count("GET /v2/multi/blobs/" + arm.layers[0] + " 200") == 1);
  CHECK(shop.refused({"pull", "--platform", "linux/s390x", name}) == containing("linux/arm64"));

  // A digest pins it, also that of the index.
  shop.must({"pull", registry.address() + "/multi@" + sha256(index)});
  is_clean(shop);
}

TEST_CASE("an interrupted download goes on where it stopped") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  // Noise, so that the blob is about as large as the file.
  std::string noise(6 << 20, '\0');
  unsigned state = 7;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1103515245 + 12345) >> 16);
  Made made = make_image(shop.layout(), {.layers = {busybox_layer(), file_layer("noise", noise)}});
  registry.push_layout(made.layout, "noise:1");
  std::string whole = read_text(registry.blob_file(made.layers[1]));
  // The registry loses the end of the blob: the download stops in the middle.
  std::filesystem::resize_file(registry.blob_file(made.layers[1]), whole.size() / 2);
  std::string name = registry.address() + "/noise:1";
  std::string said = shop.refused({"pull", name});
  CHECK(said == containing(made.layers[1]));
  CHECK(!std::filesystem::exists(blob_path(shop.store(), made.layers[1])));
  write_text(registry.blob_file(made.layers[1]), whole);
  size_t ranges = registry.count("GET /v2/noise/blobs/" + made.layers[1] + " 206");
  shop.must({"pull", name});
  CHECK(registry.count("GET /v2/noise/blobs/" + made.layers[1] + " 206") > ranges);
  is_clean(shop);
  CHECK(std::filesystem::is_empty(shop.store() + "/partial"));
}

TEST_CASE("what the policy refuses for its name is not asked for") {
  Workshop shop;
  Registry registry;
  trust(shop, registry);
  Made made = make_busybox_image(shop.layout());
  registry.push_layout(made.layout, "refused:1");
  write_text(shop.scratch() + "/policy.json", R"({"default": "accept", "rules": {")" + registry.address() +
                                                  R"(/refused": {"require": ["digest"]}}})");
  shop.set("/policy", "\"" + shop.scratch() + "/policy.json\"");
  size_t before = registry.count("GET ");
  CHECK(shop.refused({"pull", registry.address() + "/refused:1"}) == containing("digest"));
  CHECK(registry.count("GET ") == before);
  shop.must({"pull", registry.address() + "/refused@" + made.manifest});
}
