// Policies, and signatures by keys that openssl has made.
#include "images/blobs/hash.h"
#include "images/registry/base64.h"
#include "images/trust/key.h"
#include "images/trust/policy.h"
#include "images/trust/simple_signing.h"
#include "tests/catch.h"
#include "tests/images/fake_registry.h"
#include "tests/images/temporary.h"

using namespace shoji;
using namespace shoji::images;

namespace {

struct Directory : Temporary {
  // NAME.key and NAME.pub
  void make_key(const std::string& name, const std::string& how) const {
    openssl(cat("genpkey ", how, " -out ", name, ".key"));
    openssl(cat("pkey -in ", name, ".key -pubout -out ", name, ".pub"));
  }
};

constexpr const char* kP256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
constexpr const char* kP384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
constexpr const char* kRsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
constexpr const char* kEd25519 = "-algorithm ED25519";

// Keeps what is pushed.
struct Shelf {
  std::map<std::string, std::string> blobs, manifests;
  FakeRegistry registry{[this](const FakeRequest& request) { return answer(request); }};

  FakeReply answer(const FakeRequest& request) {
    std::string last = request.target.substr(request.target.rfind('/') + 1);
    if (request.method == "POST") return {.status = 202, .headers = {{"Location", "/upload"}}};
    if (request.target.starts_with("/upload")) {
      blobs[digest_of(request.body).text()] = request.body;
      return {.status = 201};
    }
    if (request.method == "PUT") {
      manifests[last] = request.body;
      return {.status = 201};
    }
    bool manifest = request.target.find("/manifests/") != std::string::npos;
    auto& shelf = manifest ? manifests : blobs;
    if (!shelf.contains(last)) return not_found();
    return manifest ? manifest_reply(shelf[last]) : serve(request, shelf[last]);
  }
  [[nodiscard]] Reference name(const std::string& repository = "team/x") const {
    Reference reference;
    reference.registry = registry.host();
    reference.repository = repository;
    reference.tag = "1";
    return reference;
  }
};

const Digest kImage = digest_of("the manifest of an image");

// A policy that wants a signature by one of `keys` for everything on the shelf.
ImagesConfig signed_policy(const Directory& directory, const Shelf& shelf, const std::string& keys) {
  directory.write("policy.json", cat(R"({"rules": {")", shelf.registry.host(),
                                     R"(": {"require": ["signature"], "keys": [)", keys, "]}}}"));
  ImagesConfig config;
  config.policy = directory / "policy.json";
  return config;
}

std::string quoted_key(const Directory& directory, const std::string& name) {
  return cat('"', directory / name, ".pub\"");
}

std::string refusal_of(const Result<>& checked) {
  return checked ? std::string("accepted") : checked.error().text;
}

Result<PolicyRule> rule_for(const Directory& directory, std::string_view policy,
                            const std::string& repository) {
  directory.write("policy.json", policy);
  ImagesConfig config;
  config.policy = directory / "policy.json";
  Reference name;
  name.registry = "reg.example";
  name.repository = repository;
  name.tag = "1";
  return policy_for(config, name);
}

}  // namespace

TEST_CASE("the longest prefix of whole components decides") {
  Directory directory;
  constexpr std::string_view kPolicy = R"({"default": "never", "rules": {
    "reg.example": {"require": []}, "reg.example/team": {"require": ["digest"]},
    "reg.example/team/app": {"require": ["signature", "digest"], "keys": ["/a.pub", "/b.pub"]},
    "reg.example/te": {"require": ["never"]}, "reg.example:5000": {"require": ["never"]}}})";
  CHECK(rule_for(directory, kPolicy, "team/app")->signature);
  CHECK(rule_for(directory, kPolicy, "team/app/deep")->keys == std::vector<std::string>{"/a.pub", "/b.pub"});
  PolicyRule team = *rule_for(directory, kPolicy, "team/application");
  CHECK((team.digest && !team.signature && !team.never));
  PolicyRule all = *rule_for(directory, kPolicy, "team2");
  CHECK((!all.digest && !all.signature && !all.never));
  CHECK(rule_for(directory, R"({"default": "never", "rules": {"reg.exampl": {"require": []}}})", "x")->never);
  CHECK_FALSE(rule_for(directory, R"({})", "x")->never);
  CHECK_FALSE(policy_for({}, {})->never);  // without a policy everything is accepted
}

TEST_CASE("a policy that is not understood accepts nothing, and says where") {
  Directory directory;
  struct Case {
    const char* policy;
    const char* where;
  };
  auto [policy, where] = GENERATE(
      Case{R"({"defualt": "accept"})", "/defualt: unknown key"},
      Case{R"({"rules": {"a/b": {"require": [], "key": []}}})", "/rules/a~1b/key: unknown key"},
      Case{R"({"rules": {"a": {"require": ["digests"]}}})", "/rules/a/require/0: \"digests\" is none of"},
      Case{R"({"rules": {"a": {}}})", "/rules/a: needs \"require\""},
      Case{R"({"rules": {"a": {"require": ["signature"]}}})",
           "/rules/a: requires a signature, but has no keys"},
      Case{R"({"rules": {"a": {"require": [], "keys": ["/k"]}}})", "has keys, but requires no signature"},
      Case{R"({"rules": {"a": {"require": ["signature"], "keys": ["k"]}}})",
           "/rules/a/keys/0: \"k\" is not an absolute path"},
      Case{R"({"rules": {"a/": {"require": []}}})", "is not REGISTRY[/PATH]"},
      Case{R"({"default": "reject"})", "/default: \"reject\" is neither accept nor never"},
      Case{R"({"default": 1})", "/default: expected a string"},
      Case{R"({"rules": []})", "/rules: expected an object"}, Case{"[]", "expected an object"},
      Case{"{", "policy.json"}, Case{"", "policy.json"});
  Result<PolicyRule> rule = rule_for(directory, policy, "x");
  REQUIRE(!rule);
  CHECK_THAT(rule.error().text, Catch::Contains(where));
  ImagesConfig absent;
  absent.policy = directory / "absent.json";
  CHECK(!policy_for(absent, {}));
}

TEST_CASE("a rule for digests refuses tags, a rule for nothing refuses all") {
  Directory directory;
  Shelf shelf;
  Repository repository = repository_at(shelf.registry.host());
  ImagesConfig config;
  config.policy = directory / "policy.json";
  Reference name = shelf.name();
  directory.write("policy.json",
                  cat(R"({"rules": {")", shelf.registry.host(), R"(/team": {"require": ["digest"]}}})"));
  CHECK(refusal_of(check_policy(config, name, kImage, repository)) ==
        cat("image \"", name.text(), "\" is refused by trust policy \"", config.policy, "\": the rule for \"",
            shelf.registry.host(), "/team\" wants it named by its digest"));
  name.digest = kImage;
  CHECK(refusal_of(check_policy(config, name, kImage, repository)) == "accepted");
  directory.write("policy.json", R"({"default": "never"})");
  CHECK_THAT(refusal_of(check_policy(config, name, kImage, repository)),
             Catch::EndsWith("the default accepts nothing"));
  CHECK(shelf.registry.requests().empty());
}

TEST_CASE("what is signed with a key is accepted with its public half, and with no other") {
  Directory directory;
  Shelf shelf;
  directory.make_key("good", GENERATE(as<std::string>{}, kP256, kP384, kRsa, kEd25519));
  directory.make_key("other", kP256);
  Repository repository = repository_at(shelf.registry.host());
  ImagesConfig good = signed_policy(directory, shelf, quoted_key(directory, "good"));
  CHECK_THAT(refusal_of(check_policy(good, shelf.name(), kImage, repository)),
             Catch::EndsWith(": it is not signed"));
  REQUIRE(sign_manifest(directory / "good.key", shelf.name(), kImage, repository));
  CHECK(shelf.manifests.contains(kImage.file_name() + ".sig"));
  CHECK(refusal_of(check_policy(good, shelf.name(), kImage, repository)) == "accepted");
  Digest tampered = digest_of("the manifest of another image");
  CHECK_THAT(refusal_of(check_policy(good, shelf.name(), tampered, repository)),
             Catch::EndsWith(": it is not signed"));
  ImagesConfig other = signed_policy(directory, shelf, quoted_key(directory, "other"));
  CHECK_THAT(refusal_of(check_policy(other, shelf.name(), kImage, repository)),
             Catch::EndsWith(": no signature fits the keys"));
  // One good signature by one of several keys is enough, and a second one does not replace the first.
  ImagesConfig both = signed_policy(directory, shelf,
                                    cat(quoted_key(directory, "other"), ',', quoted_key(directory, "good")));
  CHECK(refusal_of(check_policy(both, shelf.name(), kImage, repository)) == "accepted");
  REQUIRE(sign_manifest(directory / "other.key", shelf.name(), kImage, repository));
  other = signed_policy(directory, shelf, quoted_key(directory, "other"));
  CHECK(refusal_of(check_policy(other, shelf.name(), kImage, repository)) == "accepted");
  good = signed_policy(directory, shelf, quoted_key(directory, "good"));
  CHECK(refusal_of(check_policy(good, shelf.name(), kImage, repository)) == "accepted");
}

TEST_CASE("a signature counts for its digest and its name only") {
  Directory directory;
  Shelf shelf;
  directory.make_key("k", kP256);
  Repository repository = repository_at(shelf.registry.host());
  ImagesConfig config = signed_policy(directory, shelf, quoted_key(directory, "k"));
  Digest other = digest_of("other");
  REQUIRE(sign_manifest(directory / "k.key", shelf.name(), other, repository));
  shelf.manifests[*signature_tag(kImage)] = shelf.manifests[*signature_tag(other)];  // moved to our image
  CHECK_THAT(refusal_of(check_policy(config, shelf.name(), kImage, repository)),
             Catch::EndsWith(cat(": the signature is for \"", other.text(), "\"")));
  shelf.manifests.clear();
  REQUIRE(sign_manifest(directory / "k.key", shelf.name("team/y"), kImage, repository));
  CHECK_THAT(refusal_of(check_policy(config, shelf.name(), kImage, repository)),
             Catch::EndsWith(cat(": the signature is for the name \"", shelf.registry.host(), "/team/y\"")));
}

TEST_CASE("a payload that was changed has no signature") {
  Directory directory;
  Shelf shelf;
  directory.make_key("k", kP256);
  Repository repository = repository_at(shelf.registry.host());
  ImagesConfig config = signed_policy(directory, shelf, quoted_key(directory, "k"));
  REQUIRE(sign_manifest(directory / "k.key", shelf.name("team/y"), kImage, repository));
  std::string old = print_payload(shelf.name("team/y"), kImage), forged = print_payload(shelf.name(), kImage);
  std::string& manifest = shelf.manifests[*signature_tag(kImage)];
  SECTION("under its old digest") {
    shelf.blobs[digest_of(old).text()] = forged;
  }
  SECTION("under a digest of its own") {
    shelf.blobs[digest_of(forged).text()] = forged;
    size_t at = manifest.find(digest_of(old).text(), manifest.find("simplesigning"));
    REQUIRE(at != std::string::npos);
    manifest.replace(at, digest_of(old).text().size(), digest_of(forged).text());
  }
  SECTION("its signature is not base64") {
    size_t at = manifest.find("cosign/signature\"");
    REQUIRE(at != std::string::npos);
    manifest.replace(manifest.find("\"M", at), 2, "\"*");
  }
  CHECK(!check_policy(config, shelf.name(), kImage, repository));
}

TEST_CASE("payloads speak of one image, under its name in any of its forms") {
  Reference name = *parse_reference("reg.example/team/x:1");
  auto payload = [](std::string_view identity, std::string_view type = "cosign container image signature") {
    return cat(R"({"critical":{"identity":{"docker-reference":")", identity,
               R"("},"image":{"docker-manifest-digest":")", kImage.text(), R"("},"type":")", type,
               R"("},"optional":{"creator":"x"}})");
  };
  CHECK(check_payload(payload("reg.example/team/x"), name, kImage));
  CHECK(check_payload(payload("reg.example/team/x:1"), name, kImage));
  CHECK(check_payload(payload("reg.example/team/x@" + kImage.text()), name, kImage));
  CHECK(check_payload(payload("reg.example/team/x:1", "atomic container signature"), name, kImage));
  CHECK(check_payload(print_payload(name, kImage), name, kImage));
  CHECK(check_payload(payload("index.docker.io/library/nginx"), *parse_reference("docker.io/nginx"), kImage));
  for (const char* other :
       {"reg.example/team/x:2", "reg.example/team", "reg.example/team/x/y", "team/x", "", "x"})
    CHECK(!check_payload(payload(other), name, kImage));
  CHECK(!check_payload(payload("reg.example/team/x", "something"), name, kImage));
  for (const char* bad : {"", "{", "[]", "{}", R"({"critical":7})",
                          R"({"critical":{"type":"cosign container image signature"}})"})
    CHECK(!check_payload(bad, name, kImage));
}

TEST_CASE("signatures that openssl makes as cosign does are good") {
  Directory directory;
  struct Case {
    const char* key;
    const char* how;
  };
  auto [kind, how] = GENERATE(
      Case{kP256, "dgst -sha256 -sign k.key -out s m"}, Case{kP384, "dgst -sha256 -sign k.key -out s m"},
      Case{kP384, "dgst -sha384 -sign k.key -out s m"}, Case{kRsa, "dgst -sha256 -sign k.key -out s m"},
      Case{kRsa,
           "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sign k.key -out s m"},
      Case{kEd25519, "pkeyutl -sign -inkey k.key -rawin -in m -out s"});
  directory.make_key("k", kind);
  directory.write("m", "message");
  directory.openssl(how);
  std::string signature = *read_file(directory / "s");
  Result<SigningKey> key = SigningKey::load_public(directory / "k.pub");
  REQUIRE(key);
  CHECK(key->verify("message", signature));
  CHECK_FALSE(key->verify("massage", signature));
  CHECK_FALSE(key->verify("message", ""));
  CHECK_FALSE(key->verify("message", signature.substr(1)));
  signature[signature.size() / 2] = static_cast<char>(signature[signature.size() / 2] ^ 1);
  CHECK_FALSE(key->verify("message", signature));
}

TEST_CASE("keys that are weak, encrypted or no keys are refused by name") {
  Directory directory;
  directory.make_key("short", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024");
  directory.make_key("curve", "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1");
  directory.openssl(
      "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes128 -pass pass:x -out locked.key");
  directory.write("text.pub", "hello");
  CHECK_THAT(SigningKey::load_public(directory / "short.pub").error().text,
             Catch::EndsWith("of 1024 bits is too short"));
  CHECK_THAT(SigningKey::load_public(directory / "curve.pub").error().text,
             Catch::Contains("neither P-256 nor P-384"));
  CHECK_THAT(SigningKey::load_private(directory / "locked.key").error().text,
             Catch::Contains("is encrypted"));
  CHECK_THAT(SigningKey::load_public(directory / "text.pub").error().text,
             Catch::EndsWith("is not a public key in PEM"));
  CHECK(SigningKey::load_public(directory / "absent.pub").error().kind == Kind::kNotFound);
  CHECK(!SigningKey::load_private(directory / "short.pub"));
}

TEST_CASE("base64 is decoded or refused") {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"), std::string("\0\0", 2)})
    CHECK(decode_base64(encode_base64(text)).value_or("?") == text);
  CHECK(decode_base64(" YWJj\n").value_or("") == "abc");
  for (const char* bad : {"YWJ", "YW*j", "====", "=", "YWJjY"}) CHECK_FALSE(decode_base64(bad).has_value());
}
