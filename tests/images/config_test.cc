#include "images/store/config.h"

#include <unistd.h>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

Result<ImagesConfig> load(std::string_view text) {
  std::string path = cat("/tmp/shoji-images-config.", getpid());
  REQUIRE(write_file_atomically(path, text));
  auto config = load_images_config(path);
  unlink(path.c_str());
  return config;
}

}  // namespace

TEST_CASE("every key of images.json is read") {
  auto config =
      load(R"({"store":"/s","sharedStores":["/t"],"registries":{"r.example:5000":{"mirrors":["m.example/p"],
    "insecure":true,"blocked":false,"caFile":"/ca","clientCertificate":"/c","clientKey":"/k"}},
    "aliases":{"nginx":"r.example/team/nginx"},"search":["r.example"],"policy":"/p.json","parallelLayers":2,
    "retries":0,"format":"tree","limits":{"bytes":1,"entries":2,"fileBytes":3,"ratio":4,"pathBytes":5,
    "nameBytes":6,"xattrBytes":7,"depth":8}})");
  REQUIRE(config);
  CHECK(config->store == "/s");
  CHECK(config->shared_stores == std::vector<std::string>{"/t"});
  const RegistryConfig& registry = config->registries.at("r.example:5000");
  CHECK(registry.mirrors == std::vector<std::string>{"m.example/p"});
  CHECK(registry.insecure);
  CHECK(registry.client_key == "/k");
  CHECK(config->aliases.at("nginx") == "r.example/team/nginx");
  CHECK(config->parallel_layers == 2);
  CHECK(config->retries == 0);
  CHECK(config->format == "tree");
  CHECK(config->limits.file_bytes == 3);
  CHECK(config->limits.depth == 8);
}

TEST_CASE("a mistake in images.json is named by its pointer") {
  struct Row {
    std::string_view text, words;
  };
  constexpr Row kRows[] = {
      {R"({"stor":"/s"})", "/stor: unknown key"},
      {R"({"store":"s"})", "/store: "},
      {R"({"limits":{"byte":1}})", "/limits/byte: unknown key"},
      {R"({"limits":{"depth":4294967296}})", "/limits/depth: too large"},
      {R"({"registries":{"r.example/x":{}}})", "/registries/r.example~1x: "},
      {R"({"registries":{"r.example":{"mirror":[]}}})", "/registries/r.example/mirror: unknown key"},
      {R"({"aliases":{"x":"y"}})", "/aliases/x: "},
      {R"({"aliases":{"a.b/x":"c.d/y"}})", "/aliases/a.b~1x: "},
      {R"({"aliases":{"x":"c.d/y:1"}})", "/aliases/x: "},
      {R"({"search":["not a host"]})", "/search/0: "},
      {R"({"sharedStores":["x"]})", "/sharedStores/0: "},
      {R"({"parallelLayers":0})", "/parallelLayers: "},
      {R"({"format":"zip"})", "/format: "},
      {R"([])", "an object"},
  };
  for (const Row& row : kRows) {
    INFO(row.text);
    auto config = load(row.text);
    REQUIRE_FALSE(config);
    CHECK(config.error().kind == Kind::kInvalid);
    CHECK(config.error().text.find(row.words) != std::string::npos);
  }
  CHECK(load_images_config("/nonexistent/images.json").error().kind == Kind::kNotFound);
}
