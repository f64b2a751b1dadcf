// Downloads from registries that break, stall, lie and refuse.
#include "images/blobs/hash.h"
#include "tests/catch.h"
#include "tests/images/fake_registry.h"

using namespace shoji;
using namespace shoji::images;

namespace {

constexpr std::string_view kManifest = R"({"schemaVersion":2})";

// A registry with one blob at any digest, whose answers pass through `spoil`.
using Spoil = std::function<FakeReply(const FakeRequest&, FakeReply)>;
FakeHandler spoiled(const std::string& blob, const Spoil& spoil) {
  return [=](const FakeRequest& request) { return spoil(request, serve(request, blob)); };
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a manifest comes with its media type and digest, and every media type is accepted") {
  FakeRegistry registry([](const FakeRequest&) {
    FakeReply reply = manifest_reply(std::string(kManifest));
    reply.headers[0].second += "; charset=utf-8";
    return reply;
  });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(manifest);
  CHECK(manifest->text == kManifest);
  CHECK(manifest->media_type == media_type::kOciManifest);
  CHECK(manifest->digest == digest_of(kManifest));
  std::string accept = registry.requests().at(0).header("accept");
  for (std::string_view type : {media_type::kOciIndex, media_type::kOciManifest, media_type::kDockerList,
                                media_type::kDockerManifest})
    CHECK(contains(accept, type));
}

TEST_CASE("a missing manifest is a sentence with the registry's words") {
  FakeRegistry registry([](const FakeRequest&) { return not_found(); });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(!manifest);
  CHECK(manifest.error().kind == Kind::kNotFound);
  CHECK(manifest.error().text ==
        cat("GET \"", registry.url(), "/v2/team/x/manifests/1\": 404 MANIFEST_UNKNOWN: manifest unknown"));
  CHECK(repository_at(registry.host()).has_manifest("1").value_or(true) == false);
}

TEST_CASE("a registry's words reach nobody's terminal as they are") {
  std::string words =
      GENERATE(R"({"errors":[{"code":"X","message":"a \u001b[31mred\" word"}]})",
               R"({"errors":[{"code":"DENIED"}]})", R"({"errors":[]})", R"({"errors":7})", "<html>", "{", "",
               R"({"details":"no"})", R"({"errors":[{"code":7,"message":[1]}]})");
  FakeRegistry registry([&](const FakeRequest&) { return FakeReply{.status = 403, .body = words}; });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(!manifest);
  CHECK(contains(manifest.error().text, ": 403 "));
  for (char c : manifest.error().text) CHECK(static_cast<unsigned char>(c) >= ' ');
  CHECK(manifest.error().text.size() < 200);
}

TEST_CASE("a manifest that is not the one asked for is refused") {
  FakeRegistry registry([](const FakeRequest& request) {
    FakeReply reply = manifest_reply(std::string(kManifest));
    if (request.target.ends_with("/lie"))
      reply.headers.emplace_back("Docker-Content-Digest", digest_of("other").text());
    return reply;
  });
  Repository repository = repository_at(registry.host());
  for (const std::string& name : {digest_of("other").text(), std::string("lie")}) {
    Result<FetchedManifest> manifest = repository.manifest(name);
    REQUIRE(!manifest);
    CHECK(manifest.error().kind == Kind::kInvalid);
    CHECK(contains(manifest.error().text, digest_of("other").text()));
  }
  Digest sha512 = digest_of(kManifest, HashAlgorithm::kSha512);
  Result<FetchedManifest> manifest = repository.manifest(sha512.text());
  REQUIRE(manifest);
  CHECK(manifest->digest == sha512);
}

TEST_CASE("a media type that says nothing is not passed on, another one is") {
  FakeRegistry registry([](const FakeRequest& request) {
    bool vague = request.target.ends_with("/vague");
    return FakeReply{.headers = {{"Content-Type", vague ? "application/json; charset=utf-8" : "text/html"}},
                     .body = std::string(kManifest)};
  });
  Repository repository = repository_at(registry.host());
  CHECK(repository.manifest("vague")
            .value_or(FetchedManifest{.text = {}, .media_type = "x", .digest = {}})
            .media_type.empty());
  CHECK(repository.manifest("html").value_or(FetchedManifest{}).media_type == "text/html");
}

TEST_CASE("a manifest without end, and headers without end, are stopped") {
  FakeRegistry registry([](const FakeRequest& request) {
    if (request.target.ends_with("/headers")) {
      FakeReply reply = manifest_reply("{}");
      for (int i = 0; i < 100; i++) reply.headers.emplace_back(cat("X-", i), std::string(1000, 'h'));
      return reply;
    }
    return FakeReply{.body = std::string(100'000, ' '), .endless = true};
  });
  Repository repository = repository_at(registry.host());
  for (const char* name : {"endless", "headers"}) {
    Result<FetchedManifest> manifest = repository.manifest(name);
    REQUIRE(!manifest);
    CHECK(manifest.error().kind == Kind::kInvalid);
    CHECK(contains(manifest.error().text, "of more than"));
  }
}

TEST_CASE("a blob goes on where its connection broke") {
  std::string blob = random_text(3 << 20);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest& request, FakeReply reply) {
    if (request.number < 8) reply.close_after = 300'000;
    return reply;
  }));
  Repository repository = repository_at(registry.host());
  std::string got;
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
  // More tries than the patience has, because each of them got on.
  std::vector<FakeRequest> requests = registry.requests();
  REQUIRE(requests.size() == 9);
  CHECK(requests[0].header("range").empty());
  CHECK(requests[1].header("range") == "bytes=300000-");
  CHECK(requests[8].header("range") == "bytes=2400000-");
}

TEST_CASE("a blob goes on from a given offset") {
  std::string blob = random_text(100'000);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest&, FakeReply reply) { return reply; }));
  Repository repository = repository_at(registry.host());
  std::string got = blob.substr(0, 40'000);
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
  CHECK(registry.requests().at(0).header("range") == "bytes=40000-");
  REQUIRE(download(repository, descriptor_of(blob), got));  // all is there
  CHECK(registry.requests().size() == 1);
}

TEST_CASE("a registry that ignores ranges starts from zero, and one that refuses them too") {
  std::string blob = random_text(100'000);
  bool refuse = GENERATE(false, true);
  FakeRegistry registry([&](const FakeRequest& request) {
    if (refuse && !request.header("range").empty()) return FakeReply{.status = 416};
    return FakeReply{.body = blob};
  });
  Repository repository = repository_at(registry.host());
  std::string got = "something else";
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
}

TEST_CASE("a registry that breaks and starts from zero each time does not keep us for ever") {
  std::string blob = random_text(1 << 20);
  FakeRegistry registry([&](const FakeRequest& request) {
    return FakeReply{.body = blob, .close_after = request.number % 2 == 0 ? 200'000 : 400'000};
  });
  Repository repository = repository_at(registry.host());
  std::string got;
  Result<> done = download(repository, descriptor_of(blob), got);
  REQUIRE(!done);
  CHECK(registry.requests().size() <= 8);
}

TEST_CASE("a range that was not asked for is refused") {
  std::string blob = random_text(1000);
  std::string range = GENERATE("bytes 0-999/1000", "bytes 11-999/1000", "", "bytes x-999/1000",
                               "bytes 99999999999999999999999-1/2");
  FakeRegistry registry([&](const FakeRequest&) {
    return FakeReply{.status = 206, .headers = {{"Content-Range", range}}, .body = blob.substr(10)};
  });
  Repository repository = repository_at(registry.host());
  std::string got = blob.substr(0, 10);
  Result<> done = download(repository, descriptor_of(blob), got);
  REQUIRE(!done);
  CHECK(done.error().kind == Kind::kInvalid);
  CHECK(got.size() == 10);
}

TEST_CASE("a connection that stalls is given up and goes on with another one", "[rounds]") {
  std::string blob = random_text(200'000);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest& request, FakeReply reply) {
    if (request.number == 0) reply.stall_after = 120'000;
    return reply;
  }));
  Repository repository = repository_at(registry.host());
  std::string got;
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
  CHECK(registry.requests().at(1).header("range") == "bytes=120000-");
}

TEST_CASE("a blob is never longer than its descriptor says") {
  std::string blob = random_text(100'000);
  int lie = GENERATE(0, 1, 2);
  FakeRegistry registry(spoiled(blob, [&](const FakeRequest&, FakeReply reply) {
    if (lie == 0) reply.body += "more";
    if (lie == 1) reply.endless = true;
    if (lie == 2) reply.content_length = 1 << 30;
    return reply;
  }));
  Repository repository = repository_at(registry.host());
  std::string got;
  Result<> done = download(repository, descriptor_of(blob), got);
  REQUIRE(!done);
  CHECK(done.error().kind == Kind::kInvalid);
  CHECK(contains(done.error().text, "the blob should have 100000 bytes"));
  CHECK(got.size() <= blob.size());
  CHECK(registry.requests().size() == 1);
}

TEST_CASE("a blob that stays too short is an error, not an end") {
  std::string blob = random_text(100'000);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest& request, FakeReply) {
    return serve(request, random_text(99'000));  // a whole answer, as far as HTTP can say
  }));
  Repository repository = repository_at(registry.host());
  std::string got;
  Result<> done = download(repository, descriptor_of(blob), got);
  REQUIRE(!done);
  CHECK(registry.requests().size() <= 10);
}

TEST_CASE("a receiver's error ends a download at once") {
  std::string blob = random_text(100'000);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest&, FakeReply reply) { return reply; }));
  Repository repository = repository_at(registry.host());
  Result<> done = repository.blob(
      descriptor_of(blob), 0,
      [](std::span<const char>) -> Result<> { return fail_errno(ENOSPC, "write \"x\""); },
      []() -> Result<> { return {}; });
  REQUIRE(!done);
  CHECK(done.error().err == ENOSPC);
  CHECK(done.error().text == "write \"x\": No space left on device");
  CHECK(registry.requests().size() == 1);
}

TEST_CASE("errors that may pass are waited out, as often as the patience allows") {
  int status = GENERATE(408, 429, 500, 502, 503, 504);
  int failures = GENERATE(3, 4);
  FakeRegistry registry([&](const FakeRequest& request) {
    if (request.number < failures) return FakeReply{.status = status, .headers = {{"Retry-After", "0"}}};
    return manifest_reply(std::string(kManifest));
  });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  CHECK(manifest.has_value() == (failures == 3));
  CHECK(registry.requests().size() == 4);
  if (!manifest) CHECK_THAT(manifest.error().text, Catch::Contains(cat(": ", status, " ")));
}

TEST_CASE("a registry that says when to come back is asked then, unless that is too late") {
  FakeRegistry registry([](const FakeRequest& request) {
    bool late = request.target.ends_with("/late");
    if (request.number == 0)
      return FakeReply{.status = 429, .headers = {{"Retry-After", late ? "3600" : "1"}}};
    return manifest_reply(std::string(kManifest));
  });
  timespec before{}, after{};
  clock_gettime(CLOCK_MONOTONIC, &before);
  REQUIRE(repository_at(registry.host()).manifest("soon"));
  clock_gettime(CLOCK_MONOTONIC, &after);
  CHECK(after.tv_sec * 1000 + after.tv_nsec / 1'000'000 >=
        before.tv_sec * 1000 + before.tv_nsec / 1'000'000 + 990);
  Result<FetchedManifest> late = repository_at(registry.host()).manifest("late");
  REQUIRE(!late);
  CHECK(contains(late.error().text, "429 Too Many Requests: it asks to come back in 3600 s"));
  CHECK(registry.count("GET", "/v2/team/x/manifests/late") == 1);
}

TEST_CASE("what cannot be reached is a sentence with the cause") {
  std::string host;
  {
    FakeRegistry registry([](const FakeRequest&) { return FakeReply{}; });
    host = registry.host();
  }
  Result<FetchedManifest> manifest = repository_at(host).manifest("1");
  REQUIRE(!manifest);
  CHECK(manifest.error().text == cat("GET \"https://", host, "/v2/team/x/manifests/1\": Connection refused"));
}

TEST_CASE("a small blob is verified") {
  std::string blob = "some text";
  FakeRegistry registry([&](const FakeRequest& request) {
    return FakeReply{.body = request.target.ends_with(digest_of(blob).text()) ? blob : "sOme text"};
  });
  Repository repository = repository_at(registry.host());
  CHECK(repository.small_blob(descriptor_of(blob), 100).value_or("") == blob);
  CHECK(!repository.small_blob(descriptor_of(blob), 5));
  CHECK(!repository.small_blob(descriptor_of("SOME TEXT"), 100));
}

TEST_CASE("tags come page by page, and a page that leads to itself ends") {
  bool endless = GENERATE(false, true);
  FakeRegistry registry([&](const FakeRequest& request) {
    if (endless)
      return FakeReply{.headers = {{"Link", cat("<", request.target, ">; rel=\"next\"")}},
                       .body = R"({"tags":["a"]})"};
    if (request.target.find("last=b") == std::string::npos)
      return FakeReply{.headers = {{"Link", "</v2/team/x/tags/list?last=b&n=2>; rel=\"next\""}},
                       .body = R"({"name":"team/x","tags":["a","b"]})"};
    return FakeReply{.body = R"({"name":"team/x","tags":["c"]})"};
  });
  Result<std::vector<std::string>> tags = repository_at(registry.host()).tags();
  CHECK(tags.has_value() == !endless);
  if (tags) CHECK(*tags == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("connections are used again") {
  std::string blob = random_text(1000);
  FakeRegistry registry(spoiled(blob, [](const FakeRequest&, FakeReply reply) { return reply; }));
  Repository repository = repository_at(registry.host());
  for (int i = 0; i < 5; i++) {
    std::string got;
    REQUIRE(download(repository, descriptor_of(blob), got));
  }
  CHECK(registry.connections() == 2);  // the first one asked for TLS
  for (int i = 0; i < 5; i++) {        // clones that come one after the other too
    std::string got;
    Repository clone = repository.clone();
    REQUIRE(download(clone, descriptor_of(blob), got));
  }
  CHECK(registry.connections() == 3);
}
