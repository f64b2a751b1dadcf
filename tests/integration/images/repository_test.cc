// The registry client against Debian's docker-registry.
#include "images/registry/registry.h"

#include <cstring>
#include <thread>

#include "images/blobs/hash.h"
#include "images/trust/policy.h"
#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"

using namespace shoji;
using namespace shoji::images;
using test::Registry;

namespace {

Repository open_repository(const Registry& registry, const std::string& repository) {
  Reference name;
  name.registry = registry.address();
  name.repository = repository;
  Result<Repository> opened = Repository::open({}, name);
  REQUIRE(opened);
  return std::move(*opened);
}

Descriptor describe(std::string_view text) {
  Descriptor descriptor;
  descriptor.digest = digest_of(text);
  descriptor.size = text.size();
  return descriptor;
}

Result<> upload(Repository& repository, std::string_view text) {
  size_t at = 0;
  return repository.upload_blob(
      describe(text),
      [&](std::span<char> into) -> Result<size_t> {
        size_t size = std::min(into.size(), text.size() - at);
        memcpy(into.data(), text.data() + at, size);
        at += size;
        return size;
      },
      [&]() -> Result<> {
        at = 0;
        return {};
      });
}

Result<std::string> download(Repository& repository, const Descriptor& blob, std::string have) {
  Result<> done = repository.blob(
      blob, have.size(),
      [&](std::span<const char> bytes) -> Result<> {
        have.append(bytes.data(), bytes.size());
        return {};
      },
      [&]() -> Result<> { return fail(Kind::kInvalid, "the registry ignores ranges"); });
  if (!done) return std::unexpected(done.error());
  return have;
}

std::string text_of_size(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; i++) text[i] = static_cast<char>(i * 2654435761U >> 11);
  return text;
}

// The answer, or why there is none.
template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? std::string("no error") : result.error().text;
}

const Credentials kPerson{.user = Registry::kUser, .password = Registry::kPassword, .identity_token = {}};

}  // namespace

TEST_CASE("docker-registry takes blobs and gives them back, from any byte on, to several threads") {
  Registry registry;
  Repository repository = open_repository(registry, "team/x");
  std::string blob = text_of_size(5 << 20);
  Descriptor descriptor = describe(blob);
  CHECK_FALSE(repository.has_blob(descriptor.digest).value_or(true));
  CHECK(error_of(upload(repository, blob)) == "no error");
  CHECK(repository.has_blob(descriptor.digest).value_or(false));
  CHECK((test::read_text(registry.blob_file(descriptor.digest.text())) == blob));
  std::vector<std::string> got(3);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < got.size(); i++)
    threads.emplace_back([&, i, clone = repository.clone()]() mutable {
      got[i] = download(clone, descriptor, blob.substr(0, i << 20)).value_or("");
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : got) CHECK((text == blob));
}

TEST_CASE("docker-registry refuses a blob that is not its digest, in a sentence") {
  Registry registry;
  Repository repository = open_repository(registry, "team/x");
  Descriptor wrong = describe("one");
  Result<> done = repository.upload_blob(
      wrong,
      [](std::span<char> into) -> Result<size_t> {
        memcpy(into.data(), "two", 3);
        return 3;
      },
      []() -> Result<> { return {}; });
  REQUIRE(!done);
  CHECK_THAT(done.error().text,
             Catch::Contains("400 DIGEST_INVALID: provided digest did not match uploaded content"));
}

TEST_CASE("docker-registry mounts a blob from a neighbour and not from nowhere") {
  Registry registry;
  Repository first = open_repository(registry, "team/x"), second = open_repository(registry, "team/y");
  REQUIRE(upload(first, "text"));
  CHECK(second.mount_blob(describe("text").digest, "team/x").value_or(false));
  CHECK(second.has_blob(describe("text").digest).value_or(false));
  CHECK_FALSE(second.mount_blob(describe("else").digest, "team/x").value_or(true));
}

TEST_CASE("docker-registry's images by skopeo are found by tag and digest, and listed") {
  test::Workshop shop;
  Registry registry;
  test::Made made = test::make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "things/paper:1");
  registry.push_layout(made.layout, "things/paper:docker", true);
  Repository repository = open_repository(registry, "things/paper");
  Result<FetchedManifest> manifest = repository.manifest("1");
  REQUIRE(manifest);
  CHECK(manifest->media_type == media_type::kOciManifest);
  CHECK(repository.manifest("docker").value_or(FetchedManifest{}).media_type == media_type::kDockerManifest);
  CHECK(repository.manifest(manifest->digest.text()).value_or(FetchedManifest{}).text == manifest->text);
  CHECK(repository.has_manifest("1").value_or(false));
  CHECK_FALSE(repository.has_manifest("2").value_or(true));
  CHECK(repository.tags().value_or(std::vector<std::string>{}) == std::vector<std::string>{"1", "docker"});
  CHECK(error_of(repository.manifest("2")) ==
        "GET \"http://" + registry.address() +
            "/v2/things/paper/manifests/2\": 404 MANIFEST_UNKNOWN: manifest unknown");
  REQUIRE(repository.put_manifest("again", manifest->text, manifest->media_type));
  test::must(
      {"skopeo", "inspect", "--tls-verify=false", "docker://" + registry.address() + "/things/paper:again"});
}

TEST_CASE("docker-registry with a password and TLS lets the right person in") {
  Registry registry({.login = true, .tls = true});
  Repository repository = open_repository(registry, "team/x");
  CHECK_THAT(error_of(upload(repository, "text")),
             Catch::Contains("401 UNAUTHORIZED: authentication required"));
  CHECK_THAT(error_of(open_repository(registry, "")
                          .check_login({.user = "person", .password = "wrong", .identity_token = {}})),
             Catch::Contains("401 UNAUTHORIZED: authentication required"));
  CHECK(error_of(open_repository(registry, "").check_login(kPerson)) == "no error");
  REQUIRE(repository.check_login(kPerson));
  REQUIRE(upload(repository, "text"));
  CHECK(download(repository, describe("text"), "te").value_or("") == "text");
}

TEST_CASE("docker-registry keeps signatures") {
  test::Workshop shop;
  Registry registry;
  test::must({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
              shop.scratch() + "/k.key"});
  test::must(
      {"openssl", "pkey", "-in", shop.scratch() + "/k.key", "-pubout", "-out", shop.scratch() + "/k.pub"});
  test::write_text(shop.scratch() + "/policy.json",
                   R"({"default": "never", "rules": {")" + registry.address() +
                       R"(": {"require": ["signature"], "keys": [")" + shop.scratch() + R"(/k.pub"]}}})");
  Repository repository = open_repository(registry, "team/x");
  Reference name;
  name.registry = registry.address();
  name.repository = "team/x";
  name.tag = "1";
  ImagesConfig config;
  config.policy = shop.scratch() + "/policy.json";
  Digest digest = digest_of("a manifest");
  CHECK_THAT(error_of(check_policy(config, name, digest, repository)), Catch::EndsWith("it is not signed"));
  CHECK(error_of(sign_manifest(shop.scratch() + "/k.key", name, digest, repository)) == "no error");
  CHECK(error_of(check_policy(config, name, digest, repository)) == "no error");
}
