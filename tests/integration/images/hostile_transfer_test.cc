// Registries and archives that lie, break off or lead nowhere: a sentence, and nothing is left of it.
#include <sys/mount.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";

// A shop and a registry with one image of two layers, name:1.
struct Scene {
  Workshop shop;
  Registry registry;
  Made made;
  std::string image;

  Scene() {
    shop.set("/registries/" + registry.address(), R"({"insecure": true})");
    shop.set("/retries", "0");
    made = make_image(shop.layout(),
                      {.layers = {tar_of(busybox_members()), tar_of({{.path = "made", .content = "text"}})}});
    registry.push_layout(made.layout, "name:1");
    image = registry.address() + "/name:1";
  }

  void put_manifest(const std::string& text, const std::string& tag,
                    const std::string& type = kManifestType) const {
    write_text(shop.scratch() + "/manifest.json", text);
    must({"curl", "-sSf", "-X", "PUT", "-H", "Content-Type: " + type, "--data-binary",
          "@" + shop.scratch() + "/manifest.json",
          "http://" + registry.address() + "/v2/name/manifests/" + tag});
  }

  void put_blob(const std::string& text) const {
    write_text(shop.scratch() + "/blob", text);
    std::string where = must({"curl", "-sSf", "-X", "POST", "-o", "/dev/null", "-w", "%header{location}",
                              "http://" + registry.address() + "/v2/name/blobs/uploads/"});
    must({"curl", "-sSf", "-X", "PUT", "-H", "Content-Type: application/octet-stream", "--data-binary",
          "@" + shop.scratch() + "/blob", where + "&digest=" + sha256(text)});
  }

  [[nodiscard]] std::string manifest() const { return read_text(blob_path(shop.layout(), made.manifest)); }
  [[nodiscard]] std::string config() const { return read_text(blob_path(shop.layout(), made.config)); }
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// The manifest with another text as its configuration.
std::string with_config(const Scene& scene, const std::string& config) {
  std::string text = replaced(scene.manifest(), scene.made.config, sha256(config));
  return replaced(text, "\"size\":" + std::to_string(scene.config().size()),
                  "\"size\":" + std::to_string(config.size()));
}

size_t entries(const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) count += entry.exists() ? 1 : 0;
  return count;
}

void nothing_is_left(const Workshop& shop) {
  for (const char* directory : {"/tmp", "/names", "/leases", "/composed"}) {
    INFO(directory);
    CHECK(entries(shop.store() + directory) == 0);
  }
  Finished verified = shop.shoji({"image", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
}

}  // namespace

TEST_CASE("a blob whose bytes are others is refused, and nothing of it is kept") {
  Scene scene;
  std::string path = scene.registry.blob_file(scene.made.layers[0]);
  std::string right = read_text(path), wrong = right;
  size_t where = GENERATE(0, 5000, 300'000);
  wrong[where] = static_cast<char>(wrong[where] ^ 1);
  write_text(path, wrong);
  std::string said = scene.shop.refused({"pull", scene.image});
  CHECK(said == containing(scene.made.layers[0]));
  nothing_is_left(scene.shop);
  CHECK(!std::filesystem::exists(blob_path(scene.shop.store(), scene.made.layers[0])));
  CHECK(!std::filesystem::exists(scene.shop.store() + "/layers/sha256-" + scene.made.diff_ids[0].substr(7)));
  write_text(path, right);
  scene.shop.must({"pull", scene.image});
  CHECK(scene.shop.shoji({"image", "verify"}).code == 0);
}

TEST_CASE("a size that is not the blob's is refused") {
  Scene scene;
  std::string size =
      "\"size\":" +
      std::to_string(std::filesystem::file_size(blob_path(scene.shop.layout(), scene.made.layers[1])));
  std::string wrong = GENERATE("\"size\":3", "\"size\":99999999", "\"size\":0");
  scene.put_manifest(replaced(scene.manifest(), size, wrong), "size");
  std::string said = scene.shop.refused({"pull", scene.registry.address() + "/name:size"});
  CHECK(said == containing(scene.made.layers[1]));
  nothing_is_left(scene.shop);
  scene.shop.must({"pull", scene.image});
}

TEST_CASE("a configuration that lies about its layers is refused") {
  Scene scene;
  std::string other = sha256("something else");
  std::string config = replaced(scene.config(), scene.made.diff_ids[0], other);
  scene.put_blob(config);
  scene.put_manifest(with_config(scene, config), "diff");
  std::string said = scene.shop.refused({"pull", scene.registry.address() + "/name:diff"});
  CHECK(said == containing(other));
  CHECK(said == containing(scene.made.diff_ids[0]));
  nothing_is_left(scene.shop);
  CHECK(!std::filesystem::exists(scene.shop.store() + "/layers/sha256-" + other.substr(7)));
  CHECK(!std::filesystem::exists(scene.shop.store() + "/layers/sha256-" + scene.made.diff_ids[0].substr(7)));

  config = replaced(scene.config(), "\"" + scene.made.diff_ids[0] + "\",", "");
  scene.put_blob(config);
  scene.put_manifest(with_config(scene, config), "fewer");
  said = scene.shop.refused({"pull", scene.registry.address() + "/name:fewer"});
  CHECK(said == containing("2 layers"));
  config = R"({"helm": "chart"})";
  scene.put_blob(config);
  std::string manifest = replaced(with_config(scene, config), "application/vnd.oci.image.config.v1+json",
                                  "application/vnd.cncf.helm.config.v1+json");
  scene.put_manifest(manifest, "helm");
  said = scene.shop.refused({"pull", scene.registry.address() + "/name:helm"});
  CHECK(said == containing("application/vnd.cncf.helm.config.v1+json"));
  nothing_is_left(scene.shop);
}

TEST_CASE("a manifest that is none, or of a kind that nobody knows, is refused") {
  Scene scene;
  // The registry's own file of the manifest is changed: what it sends has another digest.
  std::string path = scene.registry.blob_file(scene.made.manifest), right = read_text(path);
  write_text(path, replaced(right, "\"schemaVersion\":2", "\"schemaVersion\": 2"));
  std::string said = scene.shop.refused({"pull", scene.registry.address() + "/name@" + scene.made.manifest});
  CHECK(said == containing(scene.made.manifest));
  write_text(path, right.substr(0, 40));
  CHECK(!scene.shop.refused({"pull", scene.registry.address() + "/name@" + scene.made.manifest}).empty());
  write_text(path, right);
  nothing_is_left(scene.shop);
  CHECK(scene.shop.refused({"pull", scene.registry.address() + "/name:absent"}) == containing("name:absent"));
  CHECK(scene.shop.refused({"pull", scene.registry.address() + "/absent:1"}) == containing("absent:1"));
  scene.shop.must({"pull", scene.registry.address() + "/name@" + scene.made.manifest});
}

TEST_CASE("indexes in indexes end somewhere") {
  Scene scene;
  std::string digest = scene.made.manifest, type = kManifestType;
  size_t size = scene.manifest().size();
  for (int depth = 1; depth <= 7; depth++) {
    std::string index = R"({"schemaVersion":2,"mediaType":")";
    index.append(kIndexType).append(R"(","manifests":[{"mediaType":")").append(type);
    index.append(R"(","digest":")").append(digest).append(R"(","size":)").append(std::to_string(size));
    index.append(R"(,"platform":{"os":"linux","architecture":"amd64"}}]})");
    scene.put_manifest(index, "depth" + std::to_string(depth), kIndexType);
    digest = sha256(index);
    type = kIndexType;
    size = index.size();
  }
  CHECK(scene.shop.refused({"pull", scene.registry.address() + "/name:depth7"}) == containing("nested"));
  nothing_is_left(scene.shop);
  scene.shop.must({"pull", scene.registry.address() + "/name:depth2"});
}

TEST_CASE("layers that lie elsewhere are refused") {
  Scene scene;
  std::string foreign = replaced(scene.manifest(), "application/vnd.oci.image.layer.v1.tar+gzip",
                                 "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  // docker-registry refuses such manifests by itself: they come in a layout.
  std::string old = scene.made.manifest;
  write_blob(scene.shop.layout(), sha256(foreign), foreign);
  std::string index = replaced(read_text(scene.shop.layout() + "/index.json"), old, sha256(foreign));
  index = replaced(index, "\"size\":" + std::to_string(scene.manifest().size()),
                   "\"size\":" + std::to_string(foreign.size()));
  write_text(scene.shop.layout() + "/index.json", index);
  CHECK(scene.shop.refused({"load", "--input", scene.shop.layout()}) == containing("foreign"));
  nothing_is_left(scene.shop);
}

TEST_CASE("archives that are broken or lie are refused") {
  Scene scene;
  std::string archive = scene.shop.scratch() + "/archive.tar";
  must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + scene.made.layout,
        "oci-archive:" + archive + ":a:1"});
  std::string whole = read_text(archive);
  SECTION("truncated") {
    for (size_t size : {size_t{0}, size_t{100}, size_t{5000}, whole.size() / 2}) {
      write_text(archive, whole.substr(0, size));
      CHECK(scene.shop.refused({"load", "--input", archive}) == containing("archive.tar"));
    }
  }
  SECTION("a blob with another digest") {
    std::string text = scene.manifest();
    size_t at = whole.find(text);
    REQUIRE(at != std::string::npos);
    whole[at + text.size() - 1] = ' ';
    write_text(archive, whole);
    CHECK(scene.shop.refused({"load", "--input", archive}) == containing(scene.made.manifest.substr(7)));
  }
  SECTION("a blob that is not there") {
    std::string layout = scene.shop.layout();
    std::filesystem::remove(blob_path(layout, scene.made.layers[1]));
    CHECK(scene.shop.refused({"load", "--input", layout}) == containing(scene.made.layers[1].substr(7)));
    std::string tar = scene.shop.scratch() + "/made.tar";
    must({"tar", "-cf", tar, "-C", layout, "."});
    CHECK(scene.shop.refused({"load", "--input", tar}) == containing(scene.made.layers[1]));
  }
  SECTION("no archive at all") {
    write_text(archive, std::string(100'000, 'x'));
    CHECK(!scene.shop.refused({"load", "--input", archive}).empty());
    write_text(archive, tar_of({{.path = "etc/passwd", .content = "root"}}));
    CHECK(scene.shop.refused({"load", "--input", archive}) == containing("manifest.json"));
    CHECK(scene.shop.refused({"load", "--input", scene.shop.scratch() + "/absent"}) ==
          containing("No such file"));
  }
  SECTION("a layer that its configuration does not know") {
    std::string layer = tar_of({{.path = "a", .content = "b"}});
    std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" +
                         sha256("other") + R"("]}})";
    write_text(archive,
               tar_of({{.path = "l.tar", .content = layer},
                       {.path = "c.json", .content = config},
                       {.path = "manifest.json",
                        .content = R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}])"}}));
    std::string said = scene.shop.refused({"load", "--input", archive});
    CHECK(said == containing(sha256(layer)));
    CHECK(said == containing(sha256("other")));
  }
  SECTION("links that lead in a circle") {
    write_text(archive, tar_of({{.path = "a.tar", .type = '2', .link = "b.tar"},
                                {.path = "b.tar", .type = '2', .link = "a.tar"},
                                {.path = "manifest.json",
                                 .content = R"([{"Config":"a.tar","RepoTags":[],"Layers":["a.tar"]}])"}}));
    CHECK(scene.shop.refused({"load", "--input", archive}) == containing("a.tar"));
  }
  nothing_is_left(scene.shop);
}

TEST_CASE("a disk that becomes full in the middle") {
  Scene scene;
  std::string noise(40 << 20, '\0');
  unsigned state = 7;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1103515245 + 12345) >> 16);
  Made made = make_image(scene.shop.layout(),
                         {.layers = {tar_of({{.path = "noise", .content = noise}})}, .tag = "noise"});
  scene.registry.push_layout(made.layout, "noise:1");
  std::string name = scene.registry.address() + "/noise:1";
  std::string image = scene.shop.scratch() + "/disk";
  write_text(image, "");
  unsigned megabytes = GENERATE(24U, 60U);  // while it downloads, and while it is unpacked
  std::filesystem::resize_file(image, megabytes << 20);
  must({"mkfs.ext4", "-q", "-F", "-m", "0", image});
  std::filesystem::create_directory(scene.shop.store());
  must({"mount", "-o", "loop", image, scene.shop.store()});
  CHECK(scene.shop.refused({"pull", name}) == containing("No space left on device"));
  for (const char* directory : {"/tmp", "/names", "/leases", "/layers"}) {
    INFO(directory);
    CHECK(entries(scene.shop.store() + directory) == 0);
  }
  CHECK(scene.shop.shoji({"image", "verify"}).code == 0);
  // What was loaded is no hindrance to something small.
  scene.shop.must({"image", "prune"});
  scene.shop.must({"pull", scene.image});
  must({"umount", scene.shop.store()});
}
