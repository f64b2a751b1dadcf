#include "images/store/manifest.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

namespace {

const std::string kA = cat("sha256:", std::string(64, 'a')), kB = cat("sha256:", std::string(64, 'b'));

std::string descriptor(std::string_view digest, std::string_view more = "") {
  return cat(R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")", digest, R"(","size":7)",
             more, "}");
}
std::string manifest(std::string_view more = "") {
  return cat(R"({"schemaVersion":2,"config":)", descriptor(kA), R"(,"layers":[)", descriptor(kB), "]", more,
             "}");
}
std::string platform(std::string_view architecture, std::string_view variant = "") {
  return cat(R"(,"platform":{"os":"linux","architecture":")", architecture, R"(","variant":")", variant,
             R"("})");
}

}  // namespace

TEST_CASE("a manifest is read, printed, and read again") {
  auto read =
      parse_manifest(manifest(R"(,"annotations":{"k":"v"},"unknown":[{}])"), media_type::kOciManifest);
  REQUIRE(read);
  const auto& first = std::get<Manifest>(*read);
  CHECK(first.media_type == media_type::kOciManifest);
  CHECK(first.config.digest.text() == kA);
  REQUIRE(first.layers.size() == 1);
  CHECK(first.layers[0].size == 7);
  CHECK(first.annotations.at("k") == "v");
  std::string text = print_manifest(first);
  auto again = parse_manifest(text, "");
  REQUIRE(again);
  CHECK(print_manifest(std::get<Manifest>(*again)) == text);
}

TEST_CASE("docker's manifests and lists are read") {
  auto docker = parse_manifest(manifest(), media_type::kDockerManifest);
  REQUIRE(docker);
  CHECK(std::get<Manifest>(*docker).media_type == media_type::kDockerManifest);
  auto list = parse_manifest(cat(R"({"schemaVersion":2,"mediaType":")", media_type::kDockerList,
                                 R"(","manifests":[)", descriptor(kA, platform("amd64")), "]}"),
                             "application/json; charset=utf-8");
  REQUIRE(list);
  CHECK(std::get<Index>(*list).manifests[0].platform.text() == "linux/amd64");
  std::string text = print_index(std::get<Index>(*list));
  CHECK(print_index(std::get<Index>(*parse_manifest(text, ""))) == text);
}

TEST_CASE("manifests that are not to be trusted are refused with a sentence") {
  struct Row {
    std::string text, said;
    Kind kind;
    std::string_view words;
  };
  const Row kRows[] = {
      {R"({"schemaVersion":1,"fsLayers":[]})", "", Kind::kUnsupported, "schema 1"},
      {manifest(), "application/vnd.docker.distribution.manifest.v1+prettyjws", Kind::kUnsupported,
       "schema 1"},
      {manifest(), "text/html", Kind::kUnsupported, "media type"},
      {manifest(), std::string(media_type::kOciIndex), Kind::kInvalid, "do not fit"},
      {manifest(R"(,"manifests":[])"), "", Kind::kInvalid, "both"},
      {manifest(cat(R"(,"mediaType":")", media_type::kOciManifest, "\"")), std::string(media_type::kOciIndex),
       Kind::kInvalid, "announced"},
      {"[]", "", Kind::kInvalid, "an object"},
      {"{}", "", Kind::kInvalid, "neither"},
      {"{\"schemaVersion\":3}", "", Kind::kUnsupported, "schemaVersion 3"},
      {"nonsense", "", Kind::kInvalid, "line 1"},
      {R"({"layers":[]})", "", Kind::kInvalid, "/config is missing"},
      {cat(R"({"config":)", descriptor("sha256:12"), "}"), "", Kind::kInvalid, "/config/digest"},
      {cat(R"({"config":)", descriptor(kA), R"(,"layers":{}})"), "", Kind::kInvalid, "/layers"},
      {cat(R"({"config":)", descriptor(kA), R"(,"layers":["x"]})"), "", Kind::kInvalid, "/layers/0"},
      {cat(R"({"config":{"mediaType":"x","digest":")", kA, R"("}})"), "", Kind::kInvalid,
       "/config/size is missing"},
      {cat(R"({"config":{"digest":")", kA, R"(","size":-1}})"), "", Kind::kInvalid, "less than 0"},
      {cat(R"({"config":{"digest":")", kA, R"(","size":"9"}})"), "", Kind::kInvalid, "an integer"},
      {cat(R"({"config":{"digest":")", kA, R"(","size":9223372036854775807}})"), "", Kind::kInvalid,
       "exists"},
      {manifest(R"(,"annotations":{"k":1})"), "", Kind::kInvalid, "/annotations/k"},
      {std::string(kManifestLimit + 1, ' '), "", Kind::kInvalid, "longer than"},
  };
  for (const Row& row : kRows) {
    INFO(row.text.substr(0, 300));
    auto read = parse_manifest(row.text, row.said);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == row.kind);
    CHECK(read.error().text.find(row.words) != std::string::npos);
    CHECK(read.error().text.find('\n') == std::string::npos);
  }
}

TEST_CASE("the entry of an index that fits best is taken") {
  auto entry = [](std::string_view digit, std::string os, std::string architecture, std::string variant) {
    Descriptor out;
    out.digest = Digest::make(HashAlgorithm::kSha256, std::string(64, digit[0]));
    out.platform = {
        .os = std::move(os), .architecture = std::move(architecture), .variant = std::move(variant)};
    return out;
  };
  Index index;
  index.manifests = {entry("0", "unknown", "unknown", ""), entry("1", "linux", "arm", "v5"),
                     entry("2", "linux", "arm", "v6"),     entry("3", "linux", "amd64", "v3"),
                     entry("4", "linux", "amd64", ""),     entry("5", "linux", "arm64", "v8"),
                     entry("6", "windows", "amd64", "")};
  auto chosen = [&](std::string_view platform_text) {
    auto wanted = parse_platform(platform_text);
    REQUIRE(wanted);
    auto found = select_platform(index, *wanted);
    return found ? found->digest.hex().substr(0, 1) : found.error().text;
  };
  CHECK(chosen("amd64") == "4");
  CHECK(chosen("linux/amd64/v3") == "3");
  CHECK(chosen("linux/amd64/v2") == "4");
  CHECK(chosen("arm64") == "5");
  CHECK(chosen("aarch64") == "5");
  CHECK(chosen("linux/arm/v7") == "2");
  CHECK(chosen("linux/arm/v5") == "1");
  CHECK(chosen("windows/amd64") == "6");
  CHECK(chosen("s390x").find("linux/arm/v5") != std::string::npos);
  CHECK(chosen("s390x").find("unknown") == std::string::npos);
  for (std::string_view bad : {"", "/", "a/b/c/d", "linux/", "a b"}) CHECK_FALSE(parse_platform(bad));
}

TEST_CASE("a configuration of an image is read, printed, and read again") {
  auto config = parse_image_config(cat(
      R"({"created":"2020-01-01T00:00:00Z","architecture":"amd64","os":"linux","os.version":"x","config":{"User":"www",)",
      R"("ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":null,"Cmd":["nginx","-g"],"Volumes":{"/v":{}},)",
      R"("WorkingDir":"/","Labels":{"l":"m"},"StopSignal":"SIGQUIT","ArgsEscaped":true},)",
      R"("rootfs":{"type":"layers","diff_ids":[")", kA,
      R"("]},"history":[{"created_by":"x","empty_layer":true}]})"));
  REQUIRE(config);
  CHECK(config->user == "www");
  CHECK(config->exposed_ports == std::vector<std::string>{"80/tcp"});
  CHECK(config->cmd == std::vector<std::string>{"nginx", "-g"});
  CHECK(config->stop_signal == "SIGQUIT");
  REQUIRE(config->diff_ids.size() == 1);
  CHECK(config->history.at(0).empty_layer);
  std::string text = print_image_config(*config);
  auto again = parse_image_config(text);
  REQUIRE(again);
  CHECK(print_image_config(*again) == text);
  CHECK(again->labels == config->labels);
  for (std::string_view bad :
       {"[]", R"({"config":[]})", R"({"config":{"Env":{}}})", R"({"config":{"User":1}})",
        R"({"rootfs":{"type":"x"}})", R"({"rootfs":{"diff_ids":["x"]}})"}) {
    INFO(bad);
    CHECK_FALSE(parse_image_config(bad));
  }
}

TEST_CASE("layers that cannot be unpacked are named") {
  CHECK(layer_compression("application/vnd.oci.image.layer.v1.tar+zstd") == Compression::kZstd);
  CHECK(layer_compression(media_type::kDockerLayerGzip) == Compression::kGzip);
  for (std::string_view bad : {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                               "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                               "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "text/plain"})
    CHECK(layer_compression(bad).error().kind == Kind::kUnsupported);
}
