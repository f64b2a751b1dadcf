// kill -9 of a transfer at any moment: the store verifies clean, the next one succeeds, and a prune leaves nothing.
// SHOJI_ROUNDS sets how many moments are tried for each verb, SHOJI_SEED which; a failure prints both.
#include <signal.h>

#include <filesystem>
#include <random>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/rounds.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// Three layers of some thousand files and some megabytes of noise.
std::vector<std::string> many_layers() {
  std::vector<std::string> layers = {tar_of(busybox_members())};
  std::minstd_rand random(5);
  for (int layer = 0; layer < 2; layer++) {
    std::vector<Member> members;
    for (int i = 0; i < 600; i++) {
      std::string noise(1 + random() % 9000, '\0');
      for (char& byte : noise) byte = static_cast<char>(random());
      std::string directory = "d" + std::to_string(layer) + std::to_string(i / 100) + "/";
      if (i % 100 == 0) members.push_back(directory_member(directory));
      members.push_back({.path = directory + std::to_string(i), .content = noise});
    }
    members.push_back({.path = "made" + std::to_string(layer), .content = "whole"});
    layers.push_back(tar_of(members));
  }
  return layers;
}

struct Scene {
  Workshop shop;
  Registry registry;
  std::string image, archive = shop.scratch() + "/archive.tar";

  Scene() {
    shop.set("/registries/" + registry.address(), R"({"insecure": true})");
    Made made = make_image(shop.layout(), {.layers = many_layers()});
    registry.push_layout(made.layout, "name:1");
    image = registry.address() + "/name:1";
    must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
          "docker-archive:" + archive + ":" + image});
  }
  void forget() const { std::filesystem::remove_all(shop.store()); }
};

// All of it is there, and then nothing.
void whole_and_gone(const Scene& scene) {
  Finished verified = scene.shop.shoji({"image", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  if (scene.shop.shoji({"root", "inspect", "work"}).code == 0)
    scene.shop.must({"root", "rm", "--force", "work"});
  scene.shop.must({"root", "create", scene.image, "web"});
  std::string root = scene.shop.must({"root", "mount", "web"});
  for (const char* file : {"/made0", "/made1"}) CHECK(read_text(root + file) == "whole");
  scene.shop.must({"root", "rm", "--force", "web"});
  for (const std::string& name : words(scene.shop.must({"image", "ls", "-o", "name", "--no-heading"}))) {
    scene.shop.must({"image", "rm", name});
  }
  scene.shop.must({"image", "prune"});
  for (const char* directory : {"/blobs/sha256", "/layers", "/tmp", "/leases", "/composed", "/names"}) {
    INFO(directory);
    CHECK(std::filesystem::is_empty(scene.shop.store() + directory));
  }
}

// Kills `verb` at a random moment; whether the signal came before its end.
bool kill_once(const Scene& scene, const std::vector<std::string>& verb, double delay, unsigned round) {
  INFO(verb[0] << " killed after " << delay * 1e3 << " ms, round " << round << " of SHOJI_SEED=" << seed());
  Process running(scene.shop.command(verb));
  nap(delay);
  running.signal(SIGKILL);
  bool in_time = running.wait().code == 128 + SIGKILL;
  Finished verified = scene.shop.shoji({"image", "verify"});
  INFO(verified.out << verified.err);
  // Killed before it had made the store, which "version" says: there is nothing to verify.
  if (std::filesystem::exists(scene.shop.store() + "/version")) CHECK(verified.code == 0);
  scene.shop.must(verb);
  return in_time;
}

// Until enough signals came in time; the window follows what is seen.
void kill_at_random_moments(const Scene& scene, const std::vector<std::string>& verb, bool from_nothing) {
  std::mt19937 random(seed());
  double start = now();
  scene.shop.must(verb);
  double window = (now() - start) * 1.2;
  unsigned killed = 0;
  for (unsigned round = 0; killed < rounds(6) && round < rounds(6) * 6; round++) {
    if (from_nothing) scene.forget();
    bool in_time = kill_once(scene, verb, std::uniform_real_distribution<double>(0, window)(random), round);
    killed += in_time ? 1 : 0;
    window *= in_time ? 1.1 : 0.8;
  }
  CHECK(killed >= rounds(6) / 2);  // else the signals came too late to test anything
  whole_and_gone(scene);
}

}  // namespace

TEST_CASE("kill -9 during pull", "[fault]") {
  Scene scene;
  kill_at_random_moments(scene, {"pull", scene.image}, true);
}

TEST_CASE("kill -9 again and again during one pull", "[fault]") {
  Scene scene;
  std::mt19937 random(seed());
  double start = now();
  scene.shop.must({"pull", scene.image});
  double window = now() - start;
  scene.forget();
  for (unsigned round = 0; round < rounds(6); round++) {
    Process running(scene.shop.command({"pull", scene.image}));
    nap(std::uniform_real_distribution<double>(window / 4, window)(random));
    running.signal(SIGKILL);
    running.wait();
  }
  scene.shop.must({"pull", scene.image});
  whole_and_gone(scene);
}

TEST_CASE("kill -9 during load", "[fault]") {
  Scene scene;
  kill_at_random_moments(scene, {"load", "--input", scene.archive}, true);
}

TEST_CASE("kill -9 during import", "[fault]") {
  Scene scene;
  scene.shop.must({"pull", scene.image});
  std::string root = scene.shop.scratch() + "/rootfs";
  std::filesystem::create_directory(root);
  write_text(scene.shop.scratch() + "/layer.tar", many_layers()[1]);
  must({"tar", "-xf", scene.shop.scratch() + "/layer.tar", "-C", root});
  kill_at_random_moments(scene, {"image", "import", root, "localhost/imported"}, false);
}

TEST_CASE("kill -9 during commit", "[fault]") {
  Scene scene;
  scene.shop.must({"pull", scene.image});
  scene.shop.must({"root", "create", scene.image, "work"});
  std::string root = scene.shop.must({"root", "mount", "work"});
  write_text(scene.shop.scratch() + "/layer.tar", many_layers()[1]);
  must({"tar", "-xf", scene.shop.scratch() + "/layer.tar", "-C", root, "--transform", "s,^,new/,"});
  kill_at_random_moments(scene, {"root", "commit", "work", "localhost/committed"}, false);
}

TEST_CASE("two pulls of one image at the same time", "[fault]") {
  Scene scene;
  for (unsigned round = 0; round < rounds(3); round++) {
    scene.forget();
    Process one(scene.shop.command({"pull", scene.image})), other(scene.shop.command({"pull", scene.image}));
    Finished first = one.wait(60), second = other.wait(60);
    INFO(first.err << second.err);
    CHECK(first.code == 0);
    CHECK(second.code == 0);
  }
  // Each layer was moved once, whoever was faster; the configuration is small and may be asked for by both.
  CHECK(scene.registry.count("GET /v2/name/blobs/") <= rounds(3) * 5);
  whole_and_gone(scene);
}
