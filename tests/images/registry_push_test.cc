// Uploads to registries that break, move and want it in pieces.
#include <map>
#include <mutex>

#include "images/blobs/hash.h"
#include "tests/catch.h"
#include "tests/images/fake_registry.h"

using namespace shoji;
using namespace shoji::images;

namespace {

// Collects what is uploaded.
struct Receiver {
  std::string body, digest;
  bool whole_refused = false;  // wants chunks
  int break_at = -1;           // the n-th PUT or PATCH is answered by 500
  int parts = 0;
  std::string location = "/v2/team/x/blobs/uploads/1?state=a%2Fb";
  FakeRegistry registry{[this](const FakeRequest& request) { return answer(request); }};

  FakeReply answer(const FakeRequest& request) {
    if (request.method == "POST") {
      body.clear();
      return {.status = 202, .headers = {{"Location", location}}};
    }
    if (request.method != "PUT" && request.method != "PATCH") return not_found();
    if (request.method == "PUT" && whole_refused && !request.body.empty()) return {.status = 405};
    if (parts++ == break_at) return {.status = 500};
    if (request.method == "PATCH" &&
        request.header("content-range") != cat(body.size(), '-', body.size() + request.body.size() - 1))
      return {.status = 416};
    body += request.body;
    if (request.method == "PATCH") return {.status = 202, .headers = {{"Location", location}}};
    size_t at = request.target.find("digest=");
    digest = at == std::string::npos ? std::string() : request.target.substr(at + 7);
    return {.status = 201};
  }
};

}  // namespace

TEST_CASE("a blob is uploaded in one piece, the session's state kept") {
  Receiver receiver;
  std::string blob = random_text(1 << 20);
  Repository repository = repository_at(receiver.registry.host());
  REQUIRE(upload(repository, blob));
  CHECK((receiver.body == blob));
  CHECK(receiver.digest == "sha256%3A" + digest_of(blob).hex());
  FakeRequest put = receiver.registry.requests().back();
  CHECK(put.target.starts_with("/v2/team/x/blobs/uploads/1?state=a%2Fb&digest="));
  CHECK(put.header("content-length") == std::to_string(blob.size()));
  CHECK(put.header("expect").empty());
}

TEST_CASE("an upload that breaks starts anew") {
  Receiver receiver;
  receiver.break_at = 0;
  std::string blob = random_text(100'000);
  Repository repository = repository_at(receiver.registry.host());
  REQUIRE(upload(repository, blob));
  CHECK((receiver.body == blob));
  CHECK(receiver.registry.count("POST", "/v2/team/x/blobs/uploads/") == 2);
}

TEST_CASE("a registry that refuses one piece gets chunks") {
  Receiver receiver;
  receiver.whole_refused = true;
  receiver.break_at = GENERATE(-1, 1);
  std::string blob = random_text(20 << 20);
  Repository repository = repository_at(receiver.registry.host());
  REQUIRE(upload(repository, blob));
  CHECK((receiver.body == blob));
  CHECK(receiver.digest == "sha256%3A" + digest_of(blob).hex());
}

TEST_CASE("an empty blob can be uploaded") {
  Receiver receiver;
  Repository repository = repository_at(receiver.registry.host());
  REQUIRE(upload(repository, ""));
  CHECK(receiver.digest == "sha256%3A" + digest_of("").hex());
}

TEST_CASE("an upload that never works ends") {
  FakeRegistry registry([](const FakeRequest& request) {
    if (request.method == "POST") return FakeReply{.status = 202, .headers = {{"Location", "/u"}}};
    return FakeReply{.status = 500};
  });
  Repository repository = repository_at(registry.host());
  Result<> done = upload(repository, "x");
  REQUIRE(!done);
  CHECK_THAT(done.error().text,
             Catch::Contains("PUT \"" + registry.url() + "/u\": 500 Internal Server Error"));
  CHECK(registry.count("POST", "/v2/team/x/blobs/uploads/") == 4);
}

TEST_CASE("an upload that may not be is not tried again") {
  int status = GENERATE(401, 403, 404);
  FakeRegistry registry([&](const FakeRequest&) { return FakeReply{.status = status}; });
  Repository repository = repository_at(registry.host());
  CHECK(!upload(repository, "x"));
  CHECK(registry.requests().size() == 1);
}

TEST_CASE("an upload to another host goes without credentials") {
  Receiver storage;
  FakeRegistry registry([&](const FakeRequest& request) {
    if (request.header("authorization").empty())
      return FakeReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    return FakeReply{.status = 202, .headers = {{"Location", storage.registry.url() + "/store?sig=1"}}};
  });
  Repository repository = repository_at(registry.host());
  REQUIRE(repository.check_login({.user = "a", .password = "b", .identity_token = {}}));
  REQUIRE(upload(repository, "text"));
  CHECK(storage.body == "text");
  CHECK(storage.registry.requests().at(0).header("authorization").empty());
}

TEST_CASE("a provider's error ends an upload with it") {
  Receiver receiver;
  Repository repository = repository_at(receiver.registry.host());
  Result<> done = repository.upload_blob(
      descriptor_of("x"),
      [](std::span<char>) -> Result<size_t> { return fail(Kind::kInvalid, "blob is gone"); },
      []() -> Result<> { return {}; });
  REQUIRE(!done);
  CHECK(done.error().text == "blob is gone");
}

TEST_CASE("a blob is mounted from a neighbour, or it is said that it is not") {
  int status = GENERATE(201, 202, 401, 403, 404);
  FakeRegistry registry([&](const FakeRequest& request) {
    if (request.method == "DELETE") return FakeReply{.status = 204};
    return FakeReply{.status = status, .headers = {{"Location", "/upload/7"}}};
  });
  Digest digest = digest_of("x");
  Result<bool> mounted = repository_at(registry.host()).mount_blob(digest, "other/y");
  REQUIRE(mounted);
  CHECK(*mounted == (status == 201));
  CHECK(registry.requests().at(0).target ==
        cat("/v2/team/x/blobs/uploads/?mount=sha256%3A", digest.hex(), "&from=other%2Fy"));
  CHECK(registry.count("DELETE", "/upload/7") == (status == 202 ? 1 : 0));  // nothing half is left there
}

TEST_CASE("a manifest is put, and a registry that stores something else is caught") {
  bool lie = GENERATE(false, true);
  FakeRegistry registry([&](const FakeRequest& request) {
    return FakeReply{.status = 201,
                     .headers = {{"Docker-Content-Digest", digest_of(lie ? "other" : request.body).text()}}};
  });
  Result<> put = repository_at(registry.host()).put_manifest("1", "{}", media_type::kOciManifest);
  CHECK(put.has_value() == !lie);
  FakeRequest request = registry.requests().at(0);
  CHECK(request.method == "PUT");
  CHECK(request.target == "/v2/team/x/manifests/1");
  CHECK(request.header("content-type") == media_type::kOciManifest);
  CHECK(request.body == "{}");
}

TEST_CASE("a registry says whether it has a blob") {
  FakeRegistry registry([](const FakeRequest& request) {
    bool has = request.target.ends_with(digest_of("yes").text());
    bool broken = request.target.ends_with(digest_of("broken").text());
    return FakeReply{.status = has ? 200 : broken ? 403 : 404};
  });
  Repository repository = repository_at(registry.host());
  CHECK(repository.has_blob(digest_of("yes")).value_or(false));
  CHECK_FALSE(repository.has_blob(digest_of("no")).value_or(true));
  CHECK(!repository.has_blob(digest_of("broken")));
}
