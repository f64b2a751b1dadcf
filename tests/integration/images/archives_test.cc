// load, save, import and push, with podman, skopeo and umoci at the other end.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

std::string cat_in(const Workshop& shop, const std::string& image, const std::string& file) {
  static int count = 0;
  std::string name = "root" + std::to_string(++count);
  shop.must({"root", "create", image, name});
  std::string root = shop.must({"root", "mount", name});
  std::string out = shop.run_in(root, {"/bin/busybox", "cat", file});
  shop.must({"root", "rm", "--force", name});
  return out;
}

// podman with a storage of its own, which goes when the test ends.
class Podman {
 public:
  explicit Podman(const Workshop& shop) : base_(shop.scratch() + "/podman") {}
  ~Podman() { tried(arguments({"rmi", "--all", "--force"})); }
  Podman(const Podman&) = delete;
  Podman& operator=(const Podman&) = delete;
  std::string must(const std::vector<std::string>& words) const {
    return shoji::test::must(arguments(words));
  }

 private:
  [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {
        "podman", "--root", base_ + "/root", "--runroot", base_ + "/run", "--storage-driver", "vfs"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  }
  std::string base_;
};

Made two_layers(const Workshop& shop, const std::string& text, const std::string& tag = "latest") {
  return make_image(shop.layout(),
                    {.layers = {tar_of(busybox_members()), tar_of({{.path = "made", .content = text}})},
                     .tag = tag,
                     .config = R"("StopSignal": "SIGQUIT")"});
}

}  // namespace

TEST_CASE("archives that skopeo writes are loaded") {
  Workshop shop;
  Made made = two_layers(shop, "by skopeo");
  std::string archive = shop.scratch() + "/archive.tar";
  std::string kind = GENERATE("docker-archive", "oci-archive");
  must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
        kind + ":" + archive + ":registry.example/things/made:7"});
  shop.must({"load", "--input", archive});
  CHECK(cat_in(shop, "registry.example/things/made:7", "/made") == "by skopeo");
  shop.must({"image", "verify"});
}

TEST_CASE("an archive may be compressed and come from a pipe") {
  Workshop shop;
  Made made = two_layers(shop, "piped");
  std::string archive = shop.scratch() + "/archive.tar";
  must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
        "docker-archive:" + archive + ":registry.example/piped:1"});
  Packing packing = GENERATE(Packing::kNone, Packing::kGzip, Packing::kZstd);
  Command command = shop.command({"load"});
  command.input = packed(read_text(archive), packing);
  Finished loaded = run_command(command, 60);
  INFO(loaded.err);
  REQUIRE(loaded.code == 0);
  CHECK(loaded.out == containing("registry.example/piped:1"));
  CHECK(cat_in(shop, "registry.example/piped:1", "/made") == "piped");
}

TEST_CASE("the directory of an OCI layout is loaded, with all its images") {
  Workshop shop;
  two_layers(shop, "one", "one");
  two_layers(shop, "two", "two");
  shop.must({"load", "--input", shop.layout()});
  CHECK(cat_in(shop, "localhost/one:latest", "/made") == "one");
  CHECK(cat_in(shop, "localhost/two:latest", "/made") == "two");
}

// As docker before 25 writes it: a directory for each layer, a link for one that comes again, descriptions nobody needs.
TEST_CASE("an archive of docker's old form is loaded, manifest first or last") {
  Workshop shop;
  std::string base = tar_of(busybox_members()), top = tar_of({{.path = "made", .content = "by docker"}});
  std::string config =
      R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":[")" +
      sha256(base) + "\",\"" + sha256(top) + "\",\"" + sha256(top) + R"("]}})";
  std::string manifest = R"([{"Config":"abc.json","RepoTags":["old:1","registry.example/old:2"],)"
                         R"("Layers":["aa/layer.tar","bb/layer.tar","cc/layer.tar"]}])";
  std::vector<Member> members = {
      directory_member("aa/"),
      {.path = "aa/VERSION", .content = "1.0"},
      {.path = "aa/json", .content = "{}"},
      {.path = "aa/layer.tar", .content = base},
      {.path = "bb/layer.tar", .content = top},
      {.path = "cc/layer.tar", .type = '2', .link = "../bb/layer.tar"},
      {.path = "abc.json", .content = config},
  };
  bool first = GENERATE(false, true);
  members.insert(first ? members.begin() : members.end(),
                 Member{.path = "manifest.json", .content = manifest});
  write_text(shop.scratch() + "/old.tar", tar_of(members));
  shop.must({"load", "--input", shop.scratch() + "/old.tar"});
  CHECK(cat_in(shop, "localhost/old:1", "/made") == "by docker");
  CHECK(cat_in(shop, "registry.example/old:2", "/made") == "by docker");
  shop.must({"image", "verify"});
}

TEST_CASE("what is saved is taken by podman, skopeo and umoci") {
  Workshop shop;
  Made made = two_layers(shop, "by shoji", "saved");
  shop.must({"load", "--input", shop.layout()});
  std::string image = "localhost/saved:latest";
  std::string docker = shop.scratch() + "/docker.tar", oci = shop.scratch() + "/oci.tar",
              directory = shop.scratch() + "/dir";
  shop.must({"save", "--format", "docker-archive", "--output", docker, image});
  shop.must({"save", "--format", "oci-archive", "--output", oci, image});
  shop.must({"save", "--format", "oci-dir", "--output", directory, image});

  Podman podman(shop);
  for (const std::string& archive : {docker, oci}) {
    CHECK(podman.must({"load", "--input", archive}) == containing(image));
    std::string mounted = podman.must({"image", "mount", image});
    while (mounted.ends_with('\n')) mounted.pop_back();
    CHECK(read_text(mounted + "/made") == "by shoji");
    CHECK(podman.must({"image", "inspect", image, "--format", "{{.Config.StopSignal}}"}) == "SIGQUIT\n");
    podman.must({"rmi", "--force", image});
  }
  CHECK(must({"skopeo", "inspect", "docker-archive:" + docker + ":" + image}) ==
        containing(made.diff_ids[1]));
  CHECK(must({"skopeo", "inspect", "oci-archive:" + oci + ":" + image}) == containing(made.manifest));
  must({"umoci", "unpack", "--image", directory + ":" + image, shop.scratch() + "/bundle"});
  CHECK(read_text(shop.scratch() + "/bundle/rootfs/made") == "by shoji");

  // The same images give the same bytes, also through a pipe.
  for (const char* format : {"docker-archive", "oci-archive"}) {
    Finished piped = shop.shoji({"save", "--format", format, image});
    CHECK((piped.out == read_text(std::string(format) == "docker-archive" ? docker : oci)));
  }
}

TEST_CASE("several images are saved to one archive, a shared layer once") {
  Workshop shop;
  two_layers(shop, "one", "one");
  two_layers(shop, "two", "two");
  shop.must({"load", "--input", shop.layout()});
  std::string archive = shop.scratch() + "/both.tar";
  std::string format = GENERATE("docker-archive", "oci-archive");
  shop.must(
      {"save", "--format", format, "--output", archive, "localhost/one:latest", "localhost/two:latest"});
  uintmax_t base = tar_of(busybox_members()).size();
  CHECK(std::filesystem::file_size(archive) < base + base / 2);
  Workshop other;
  other.must({"load", "--input", archive});
  CHECK(cat_in(other, "localhost/one:latest", "/made") == "one");
  CHECK(cat_in(other, "localhost/two:latest", "/made") == "two");
}

TEST_CASE("what is pushed podman and skopeo take, and only what the registry misses moves") {
  Workshop shop;
  Registry registry;
  shop.set("/registries/" + registry.address(), R"({"insecure": true})");
  Made made = two_layers(shop, "pushed", "pushed");
  shop.must({"load", "--input", shop.layout()});
  std::string name = registry.address() + "/team/pushed:1";
  CHECK(shop.must({"push", "--quiet", "localhost/pushed:latest", name}) == containing(made.manifest));
  CHECK(registry.count("PUT /v2/team/pushed/manifests/1 201") == 1);
  size_t uploads = registry.count("POST /v2/team/pushed/blobs/uploads/");
  CHECK(uploads == 3);
  shop.must({"push", "localhost/pushed:latest", name});
  CHECK(registry.count("POST /v2/team/pushed/blobs/uploads/") == uploads);

  registry.fetch_layout("team/pushed:1", shop.scratch() + "/back:1");
  must({"umoci", "unpack", "--image", shop.scratch() + "/back:1", shop.scratch() + "/bundle"});
  CHECK(read_text(shop.scratch() + "/bundle/rootfs/made") == "pushed");
  Podman podman(shop);
  podman.must({"pull", "--quiet", "--tls-verify=false", name});
  std::string mounted = podman.must({"image", "mount", name});
  while (mounted.ends_with('\n')) mounted.pop_back();
  CHECK(read_text(mounted + "/made") == "pushed");
  podman.must({"rmi", "--force", name});

  // Layers that the registry has in a repository that we know are mounted from there.
  shop.must({"pull", name});
  shop.must({"push", name, registry.address() + "/other/name:2"});
  CHECK(registry.count("from=team%2Fpushed 201") == 2);
  CHECK(registry.count("PATCH /v2/other/name") == 0);
}

TEST_CASE("docker's manifests are pushed as they are") {
  Workshop shop;
  Registry registry;
  shop.set("/registries/" + registry.address(), R"({"insecure": true})");
  Made made = two_layers(shop, "docker");
  registry.push_layout(made.layout, "docker:1", true);
  std::string from = registry.address() + "/docker:1", to = registry.address() + "/again:1";
  shop.must({"pull", from});
  shop.must({"push", from, to});
  auto digest = [](const std::string& name) {
    return must({"skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name});
  };
  CHECK(digest(from) == digest(to));
  std::string archive = shop.scratch() + "/docker-in-oci.tar";
  shop.must({"save", "--format", "oci-archive", "--output", archive, from});
  Podman podman(shop);
  podman.must({"load", "--input", archive});
}

TEST_CASE("a directory becomes an image, the same one each time") {
  Workshop shop;
  std::string root = shop.scratch() + "/rootfs";
  write_text(shop.scratch() + "/root.tar", tar_of(busybox_members()));
  std::filesystem::create_directory(root);
  must({"tar", "-xf", shop.scratch() + "/root.tar", "-C", root});
  write_text(root + "/made", "imported");
  auto digest = [&] { return shop.must({"inspect", "localhost/imported"}); };
  shop.must({"image", "import", "--change", "CMD [\"/bin/busybox\"]", root, "localhost/imported"});
  CHECK(cat_in(shop, "localhost/imported", "/made") == "imported");
  std::string before = shop.must({"image", "ls", "-o", "id", "--no-heading", "localhost/imported"});
  shop.must({"image", "rm", "localhost/imported"});
  shop.must({"image", "import", "--change", "CMD [\"/bin/busybox\"]", root, "localhost/imported"});
  CHECK(shop.must({"image", "ls", "-o", "id", "--no-heading", "localhost/imported"}) == before);
  CHECK(digest() == containing("/bin/busybox"));

  must({"tar", "-czf", shop.scratch() + "/again.tar.gz", "-C", root, "."});
  shop.must({"image", "import", shop.scratch() + "/again.tar.gz", "localhost/fromtar"});
  CHECK(cat_in(shop, "localhost/fromtar", "/made") == "imported");
  write_text(shop.scratch() + "/no.tar", "this is no archive, whatever its name says");
  CHECK(!shop.refused({"image", "import", shop.scratch() + "/no.tar", "localhost/none"}).empty());
  CHECK(shop.shoji({"inspect", "localhost/none"}).code != 0);
}

TEST_CASE("what was written to a root becomes an image that podman takes") {
  Workshop shop;
  Registry registry;
  shop.set("/registries/" + registry.address(), R"({"insecure": true})");
  two_layers(shop, "below", "below");
  shop.must({"load", "--input", shop.layout()});
  shop.must({"root", "create", "localhost/below", "work"});
  std::string root = shop.must({"root", "mount", "work"});
  write_text(root + "/above", "written");
  std::filesystem::remove(root + "/made");
  shop.must({"root", "commit", "--message", "a test", "--change", "CMD [\"/bin/busybox\", \"true\"]",
             "--change", "ENV ABOVE=yes", "work", "localhost/above:1"});
  CHECK(cat_in(shop, "localhost/above:1", "/above") == "written");
  CHECK(shop.must({"history", "localhost/above:1"}) == containing("a test"));

  std::string name = registry.address() + "/above:1";
  shop.must({"push", "localhost/above:1", name});
  Podman podman(shop);
  podman.must({"pull", "--quiet", "--tls-verify=false", name});
  std::string mounted = podman.must({"image", "mount", name});
  while (mounted.ends_with('\n')) mounted.pop_back();
  CHECK(read_text(mounted + "/above") == "written");
  CHECK(!std::filesystem::exists(mounted + "/made"));
  CHECK(podman.must({"image", "inspect", name, "--format", "{{.Config.Env}} {{.Config.StopSignal}}"}) ==
        "[PATH=/bin ABOVE=yes] SIGQUIT\n");
  podman.must({"rmi", "--force", name});
  shop.must({"root", "rm", "--force", "work"});
}
