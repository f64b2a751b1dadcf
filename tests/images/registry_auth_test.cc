// Who is told what: challenges, tokens, redirects, mirrors, proxies.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "images/registry/challenge.h"
#include "images/registry/url.h"
#include "tests/catch.h"
#include "tests/images/fake_registry.h"

using namespace shoji;
using namespace shoji::images;

namespace {

constexpr const char* kBasic = "Basic cGVyc29uOnNlY3JldA==";  // person:secret
const Credentials kPerson{.user = "person", .password = "secret", .identity_token = {}};

FakeReply unauthorized(const std::string& challenge) {
  return {.status = 401,
          .headers = {{"WWW-Authenticate", challenge}},
          .body = R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})"};
}

std::string bearer(const FakeRequest& request) {
  return cat("Bearer realm=\"http://", request.header("host"),
             "/token\",service=\"here\",scope=\"repository:team/x:pull\"");
}

// A registry whose token server is itself: tokens t0, t1, ... of which the last one is good.
struct TokenRegistry {
  std::atomic<int> tokens = 0;
  std::string life = "300";
  std::string wanted;  // Authorization for the token server
  FakeRegistry registry{[this](const FakeRequest& request) { return answer(request); }};

  FakeReply answer(const FakeRequest& request) {
    if (request.target.starts_with("/token")) {
      if (request.header("authorization") != wanted) return unauthorized("Basic realm=\"token\"");
      return {.body = cat(R"({"token":"t)", tokens++, R"(","expires_in":)", life, "}")};
    }
    if (request.header("authorization") == cat("Bearer t", tokens - 1)) return manifest_reply("{}");
    return unauthorized(bearer(request));
  }
};

bool said_authorization(const FakeRegistry& registry) {
  for (const FakeRequest& request : registry.requests())
    if (!request.header("authorization").empty()) return true;
  return false;
}

}  // namespace

TEST_CASE("challenges are parsed, several in a header, quoted or not") {
  std::vector<Challenge> found = parse_challenges(
      R"(Bearer realm="https://a/t",service="x, \"y\"",scope="repository:a:pull,push", Basic realm=plain)");
  REQUIRE(found.size() == 2);
  CHECK(found[0].scheme == "bearer");
  CHECK(found[0].parameters["realm"] == "https://a/t");
  CHECK(found[0].parameters["service"] == "x, \"y\"");
  CHECK(found[0].parameters["scope"] == "repository:a:pull,push");
  CHECK(found[1].scheme == "basic");
  CHECK(found[1].parameters["realm"] == "plain");
  for (const char* bad : {"", "=", ",,,", "Bearer realm=\"open", "\"", "Bearer =", "a=b", "\\"})
    CHECK(parse_challenges(bad).size() <= 1);
}

TEST_CASE("loopback is what it says, not what it looks like") {
  for (const char* yes : {"localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000", "[::1]"})
    CHECK(is_loopback(yes));
  for (const char* no : {"localhost.example", "127.evil.example", "128.0.0.1", "example:127", "[::2]:1", ""})
    CHECK_FALSE(is_loopback(no));
}

TEST_CASE("a basic challenge is answered with the credentials, once asked always") {
  FakeRegistry registry([](const FakeRequest& request) {
    return request.header("authorization") == kBasic ? FakeReply{} : unauthorized("Basic realm=\"r\"");
  });
  Repository repository = repository_at(registry.host());
  REQUIRE(repository.check_login(kPerson));
  REQUIRE(repository.manifest("1"));
  std::vector<FakeRequest> requests = registry.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].header("authorization").empty());
  CHECK(requests[2].header("authorization") == kBasic);
}

TEST_CASE("wrong credentials are refused with the registry's words, and not tried on and on") {
  FakeRegistry registry([](const FakeRequest&) { return unauthorized("Basic realm=\"r\""); });
  Result<> login = repository_at(registry.host()).check_login(kPerson);
  REQUIRE(!login);
  CHECK(login.error().err == EACCES);
  CHECK(login.error().text ==
        cat("GET \"", registry.url(), "/v2/\": 401 UNAUTHORIZED: authentication required"));
  CHECK(registry.requests().size() <= 3);
}

TEST_CASE("a token is fetched once for all clones, and used from then on") {
  TokenRegistry tokens;
  Repository repository = repository_at(tokens.registry.host());
  REQUIRE(repository.manifest("1"));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&, clone = repository.clone()]() mutable {
      for (int j = 0; j < 5; j++) good += clone.manifest("2").has_value() ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 20);
  CHECK(tokens.tokens == 1);
  CHECK(tokens.registry.count("GET", "/token?service=here&scope=repository%3Ateam%2Fx%3Apull") == 1);
}

TEST_CASE("a token that the registry no longer takes is renewed") {
  TokenRegistry tokens;
  Repository repository = repository_at(tokens.registry.host());
  REQUIRE(repository.manifest("1"));
  tokens.tokens = 7;  // what was given before is worth nothing
  REQUIRE(repository.manifest("2"));
  CHECK(tokens.tokens == 8);
}

TEST_CASE("the token server gets the password, the registry the token") {
  TokenRegistry tokens;
  tokens.wanted = kBasic;
  Repository repository = repository_at(tokens.registry.host());
  REQUIRE(repository.check_login(kPerson));
  for (const FakeRequest& request : tokens.registry.requests())
    CHECK((request.header("authorization") == kBasic) == request.target.starts_with("/token"));
  Result<> wrong = repository_at(tokens.registry.host())
                       .check_login({.user = "person", .password = "wrong", .identity_token = {}});
  REQUIRE(!wrong);
  CHECK_THAT(wrong.error().text, Catch::Contains("/token\": 401 UNAUTHORIZED: authentication required"));
}

TEST_CASE("an identity token is exchanged by POST") {
  FakeRegistry registry([](const FakeRequest& request) {
    if (request.target == "/token") {
      bool right =
          request.method == "POST" &&
          request.body ==
              "grant_type=refresh_token&client_id=shoji&service=here&scope=repository%3Ateam%2Fx%3Apull"
              "&refresh_token=id%2F1";
      return right ? FakeReply{.body = R"({"access_token":"good"})"} : FakeReply{.status = 400};
    }
    return request.header("authorization") == "Bearer good" ? manifest_reply("{}")
                                                            : unauthorized(bearer(request));
  });
  Repository repository = repository_at(registry.host());
  ignore(repository.check_login({.user = "person", .password = {}, .identity_token = "id/1"}),
         "it has no scope, which this server does not like");
  CHECK(repository.manifest("1"));
}

TEST_CASE("a token server that answers nonsense is an error") {
  std::string answer =
      GENERATE("", "{}", "[]", R"({"token":7})", R"({"token":"a\r\nX-Evil: 1"})", R"({"token":""})", "{");
  FakeRegistry registry([&](const FakeRequest& request) {
    return request.target.starts_with("/token") ? FakeReply{.body = answer} : unauthorized(bearer(request));
  });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(!manifest);
  for (const FakeRequest& request : registry.requests()) CHECK(request.header("x-evil").empty());
}

TEST_CASE("a challenge that cannot be answered is the registry's 401") {
  std::string challenge =
      GENERATE("Negotiate", "Bearer", "Bearer realm=\"ftp://x/\"", "Bearer realm=\"file:///etc/passwd\"", "");
  FakeRegistry registry([&](const FakeRequest&) { return unauthorized(challenge); });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(!manifest);
  CHECK(registry.requests().size() == 1);
}

TEST_CASE("another host does not get the credentials, were it only another port") {
  std::string blob = random_text(10'000);
  FakeRegistry storage([&](const FakeRequest& request) { return serve(request, blob); });
  int status = GENERATE(301, 302, 303, 307, 308);
  FakeRegistry registry([&](const FakeRequest& request) {
    if (request.header("authorization") != kBasic) return unauthorized("Basic realm=\"r\"");
    if (request.target == "/v2/") return FakeReply{};
    return FakeReply{.status = status, .headers = {{"Location", storage.url() + "/signed?secret=1"}}};
  });
  Repository repository = repository_at(registry.host());
  REQUIRE(repository.check_login(kPerson));
  std::string got = blob.substr(0, 1000);
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
  CHECK(said_authorization(registry));
  CHECK_FALSE(said_authorization(storage));
  CHECK(storage.requests().at(0).header("range") == "bytes=1000-");
}

TEST_CASE("a redirect's errors do not show the signed part of the link, and its 401 brings no password") {
  FakeRegistry storage([&](const FakeRequest&) { return unauthorized("Basic realm=\"give\""); });
  FakeRegistry registry([&](const FakeRequest&) {
    return FakeReply{.status = 307, .headers = {{"Location", storage.url() + "/signed?secret=1"}}};
  });
  Repository repository = repository_at(registry.host());
  ignore(repository.check_login(kPerson), "it leads to the storage");
  Result<FetchedManifest> manifest = repository.manifest("1");
  REQUIRE(!manifest);
  CHECK_THAT(manifest.error().text, Catch::Contains("/signed\": 401"));
  CHECK_THAT(manifest.error().text, !Catch::Contains("secret"));
  CHECK_FALSE(said_authorization(storage));
}

TEST_CASE("redirects end, and lead to http and https only") {
  std::string location = GENERATE("/v2/again", "file:///etc/passwd", "ftp://x/", "gopher://x",
                                  "http://user:pass@127.0.0.1:1/", "");
  FakeRegistry registry(
      [&](const FakeRequest&) { return FakeReply{.status = 302, .headers = {{"Location", location}}}; });
  Result<FetchedManifest> manifest = repository_at(registry.host()).manifest("1");
  REQUIRE(!manifest);
  CHECK(registry.requests().size() <= 10);
}

TEST_CASE("mirrors are asked in their order, then the registry") {
  std::string blob = random_text(50'000);
  FakeRegistry empty([](const FakeRequest&) { return not_found(); });
  FakeRegistry wrong([&](const FakeRequest& request) {
    if (request.target.find("/manifests/") != std::string::npos) return manifest_reply("{\"other\":1}");
    FakeReply reply = serve(request, blob);
    reply.close_after = 20'000;
    return reply;
  });
  FakeRegistry origin([&](const FakeRequest& request) {
    if (request.target.find("/manifests/") != std::string::npos) return manifest_reply("{}");
    return serve(request, blob);
  });
  std::string dead;
  {
    FakeRegistry gone([](const FakeRequest&) { return FakeReply{}; });
    dead = gone.host();
  }
  ImagesConfig config;
  config.registries[origin.host()].mirrors = {dead, empty.host(), wrong.host() + "/cache/hub"};
  Patience patience = impatient();
  patience.retries = 0;
  Repository repository = repository_at(origin.host(), config, patience);
  // The digest decides: what another mirror has under it does not count.
  Result<FetchedManifest> manifest = repository.manifest(descriptor_of("{}").digest.text());
  REQUIRE(manifest);
  CHECK(manifest->text == "{}");
  CHECK(empty.requests().size() == 1);
  CHECK(wrong.requests().at(0).target.starts_with("/v2/cache/hub/team/x/manifests/sha256:"));
  // A blob goes on at the registry where the mirror broke.
  std::string got;
  REQUIRE(download(repository, descriptor_of(blob), got));
  CHECK((got == blob));
  CHECK(origin.requests().back().header("range") == "bytes=20000-");
}

TEST_CASE("a mirror gets no credentials of the registry, and is never pushed to") {
  FakeRegistry mirror([](const FakeRequest& request) {
    return request.method == "GET" ? unauthorized("Basic realm=\"r\"") : FakeReply{.status = 500};
  });
  FakeRegistry origin([](const FakeRequest& request) {
    if (request.header("authorization") != kBasic) return unauthorized("Basic realm=\"r\"");
    return request.method == "PUT" ? FakeReply{.status = 201} : manifest_reply("{}");
  });
  ImagesConfig config;
  config.registries[origin.host()].mirrors = {mirror.host()};
  Repository repository = repository_at(origin.host(), config);
  REQUIRE(repository.check_login(kPerson));
  REQUIRE(repository.manifest("1"));
  REQUIRE(repository.put_manifest("1", "{}", media_type::kOciManifest));
  CHECK(mirror.requests().size() == 1);
  CHECK_FALSE(said_authorization(mirror));
}

TEST_CASE("a mirror that is no name is refused before anything is asked") {
  ImagesConfig config;
  Reference name;
  name.registry = "reg.example";
  name.repository = "x";
  for (const char* bad :
       {"https://mirror.example", "mirror.example/", "mirror", "mirror.example/a b", "mirror.example/../x"}) {
    config.registries["reg.example"].mirrors = {bad};
    Result<Repository> opened = Repository::open(config, name);
    REQUIRE(!opened);
    CHECK_THAT(opened.error().text, Catch::EndsWith("is not HOST[:PORT][/PREFIX]"));
  }
  config.registries["reg.example"].mirrors = {"mirror.example:5000/a/b", "10.0.0.1"};
  CHECK(Repository::open(config, name));
}

TEST_CASE("a blocked registry is not asked, and a short name has none") {
  FakeRegistry registry([](const FakeRequest&) { return FakeReply{}; });
  ImagesConfig config;
  config.registries[registry.host()].blocked = true;
  Reference name;
  name.registry = registry.host();
  name.repository = "x";
  Result<Repository> blocked = Repository::open(config, name);
  REQUIRE(!blocked);
  CHECK(blocked.error().text == cat("registry \"", registry.host(), "\" is blocked by the configuration"));
  name.registry.clear();
  name.tag = "1";
  CHECK(!Repository::open(config, name));
  CHECK(registry.requests().empty());
}

TEST_CASE("a proxy is used but for the loopback and what no_proxy names") {
  FakeRegistry proxy([](const FakeRequest& request) {
    return request.target.starts_with("http://registry.test/") ? manifest_reply("{}") : not_found();
  });
  FakeRegistry local([](const FakeRequest&) { return manifest_reply("{}"); });
  setenv("http_proxy", proxy.url().c_str(), 1);
  ImagesConfig config;
  config.registries["registry.test"].insecure = true;
  REQUIRE(repository_at("registry.test", config).manifest("1"));
  CHECK(proxy.requests().at(0).target == "http://registry.test/v2/team/x/manifests/1");
  REQUIRE(repository_at(local.host()).manifest("1"));
  CHECK(proxy.requests().size() == 1);
  setenv("no_proxy", "registry.test", 1);
  CHECK(!repository_at("registry.test", config).manifest("1"));
  CHECK(proxy.requests().size() == 1);
  forget_environment();
}

TEST_CASE("a registry that is not insecure is never asked without TLS") {
  FakeRegistry proxy([](const FakeRequest&) { return manifest_reply("{}"); });
  setenv("http_proxy", proxy.url().c_str(), 1);
  CHECK(!repository_at("registry.test").manifest("1"));
  CHECK(proxy.requests().empty());
  forget_environment();
}
