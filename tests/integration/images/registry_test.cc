// pull and push, with a docker-registry and skopeo as strangers.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("what skopeo pushed is pulled, and only what is missing moves") {
  for (bool docker : {false, true}) {
    Workshop shop;
    Registry registry;
    Made made = make_busybox_image(shop.layout(), "paper");
    registry.push_layout(made.layout, "things/paper:1", docker);
    std::string name = registry.address() + "/things/paper:1";
    std::string id = shop.must({"pull", "-q", "--tls-verify=false", name});
    CHECK(id.starts_with("sha256:"));
    CHECK(shop.must({"images", "-o", "name,id", "--no-trunc", "--no-heading"}) == name + "  " + id);
    CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
    size_t blobs = registry.count("GET /v2/things/paper/blobs/");
    shop.must({"pull", "-q", "--tls-verify=false", name});
    CHECK(registry.count("GET /v2/things/paper/blobs/") == blobs);
  }
}

TEST_CASE("what was pulled is pushed under another name, and skopeo takes it") {
  Workshop shop;
  Registry registry;
  Made made = make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "paper:1");
  std::string name = registry.address() + "/paper:1";
  shop.must({"pull", "-q", "--tls-verify=false", name});
  std::string digest = shop.must({"push", "-q", "--tls-verify=false", "--digestfile",
                                  shop.scratch() + "/digest", name, registry.address() + "/copies/paper:2"});
  CHECK(digest == made.manifest);
  CHECK(read_text(shop.scratch() + "/digest") == digest + "\n");
  registry.fetch_layout("copies/paper:2", shop.scratch() + "/back:2");
  must({"umoci", "unpack", "--image", shop.scratch() + "/back:2", shop.scratch() + "/bundle"});
  CHECK(read_text(shop.scratch() + "/bundle/rootfs/etc/made-of") == "paper\n");
}

TEST_CASE("a registry with a password: credentials from the command line, a file, or none") {
  Workshop shop;
  Registry registry({.login = true, .tls = true});
  shop.set("/registries", "{\"" + registry.address() + "\": {\"caFile\": \"" + registry.ca_file() + "\"}}");
  Made made = make_busybox_image(shop.layout());
  registry.push_layout(made.layout, "paper:1");
  std::string name = registry.address() + "/paper:1";
  CHECK(shop.refused({"pull", name}) == containing("401"));
  shop.must({"pull", "-q", "--creds", std::string(Registry::kUser) + ":" + Registry::kPassword, name});
  std::string file = shop.scratch() + "/auth.json";
  shop.must(
      {"login", "--authfile", file, "-u", Registry::kUser, "-p", Registry::kPassword, registry.address()});
  shop.must({"push", "-q", "--authfile", file, name, registry.address() + "/copy:1"});
  CHECK(shop.refused({"pull", "--creds", "nobody", name}, 2) == containing("USER:PASSWORD"));
}

TEST_CASE("progress: lines on a pipe, JSON if asked for, only the id with --quiet") {
  Workshop shop;
  Registry registry;
  Made made = make_busybox_image(shop.layout());
  registry.push_layout(made.layout, "paper:1");
  std::string name = registry.address() + "/paper:1";
  Finished quiet = shop.shoji({"pull", "-q", "--tls-verify=false", name});
  CHECK(quiet.out == made.config + "\n");
  CHECK(quiet.err == "");
  Workshop lines;
  Finished plain = lines.shoji({"pull", "--tls-verify=false", name});
  CHECK(plain.out == made.config + "\n");
  CHECK(plain.err.starts_with("pulling " + name + "\n"));
  CHECK(plain.err == containing(made.layers[0].substr(7, 12) + ": "));
  CHECK(plain.err.find('\x1b') == std::string::npos);
  Workshop json;
  std::string events = json.must({"pull", "--format", "json", "--tls-verify=false", name});
  for (size_t at = 0; at < events.size();) {
    size_t end = std::min(events.find('\n', at), events.size());
    CHECK(is_json(events.substr(at, end - at)));
    at = end + 1;
  }
  std::string last = events.substr(events.rfind('\n') + 1);
  CHECK(json_at(last, "/event") == "result");
  CHECK(json_at(last, "/id") == made.config);
  CHECK(json_at(last, "/names/0") == name);
}

TEST_CASE("what cannot be pulled is said in one sentence, and nothing is left") {
  Workshop shop;
  Registry registry;
  for (const std::string& name :
       {registry.address() + "/nosuch:1", std::string("127.0.0.1:1/nothing:1"), std::string("nowhere")}) {
    shop.set("/retries", "0");
    Finished done = shop.shoji({"pull", "-q", "--tls-verify=false", name});
    INFO(done.err);
    CHECK(done.code == 1);
    CHECK(one_sentence(done));
    CHECK(done.err.starts_with("shoji: pull \"" + name));
    CHECK(done.out == "");
  }
  CHECK(shop.refused({"pull", "Upper/case:1"}, 2).starts_with("shoji: pull: "));
  CHECK(shop.refused({"pull", "--platform", "a/b/c/d", "x:1"}, 2) == containing("--platform"));
  CHECK(shop.refused({"pull", "--format", "xml", "x:1"}, 2) == containing("text or json"));
  CHECK(shop.must({"images", "-q"}) == "");
}

TEST_CASE("a layer whose beginning came wrong is brought anew, not continued") {
  Workshop shop;
  Registry registry;
  std::string noise(30 << 20, '\0');
  uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  Made made = make_image(shop.layout(), {.layers = {tar_of({{.path = "noise", .content = noise}})}});
  registry.push_layout(made.layout, "noise:1");
  std::string path = registry.blob_file(made.layers[0]), right = read_text(path), wrong = right;
  wrong[2000] = static_cast<char>(wrong[2000] ^ 1);
  wrong[20] = static_cast<char>(wrong[20] ^ 1);
  write_text(path, wrong);
  std::string name = registry.address() + "/noise:1";
  CHECK(shop.refused({"pull", "-q", name}) == containing(made.layers[0]));
  write_text(path, right);
  shop.must({"pull", "-q", name});
  CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
}
