// Many verbs at once on one store.
#include <csignal>
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/rounds.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

namespace {

// Starts them all, then waits for all: those that did not exit with 0, with what they said.
std::string failures(const Workshop& shop, const std::vector<std::vector<std::string>>& lines) {
  std::vector<Process> running;
  running.reserve(lines.size());
  for (const auto& line : lines) running.emplace_back(shop.command(line));
  std::string out;
  for (size_t i = 0; i < running.size(); ++i) {
    Finished done = running[i].wait(120 * time_factor());
    if (done.code != 0) out += std::to_string(done.code) + ": " + lines[i][0] + ": " + done.err;
  }
  return out;
}

// An image of several layers in the registry; its name.
std::string push_image(const Workshop& shop, const Registry& registry, Made* what = nullptr) {
  std::vector<std::string> layers = {tar_of(busybox_members())};
  for (int i = 0; i < 4; ++i)
    layers.push_back(tar_of(
        {{.path = "file" + std::to_string(i), .content = std::string(200'000, static_cast<char>('a' + i))}}));
  Made made = make_image(shop.layout(), {.layers = layers});
  registry.push_layout(made.layout, "paper:1");
  if (what != nullptr) *what = made;
  return registry.address() + "/paper:1";
}

}  // namespace

TEST_CASE("one image pulled by many at once comes once") {
  Workshop shop;
  Registry registry;
  Made made;
  std::string name = push_image(shop, registry, &made);
  CHECK(failures(shop,
                 std::vector<std::vector<std::string>>(6, {"pull", "-q", "--tls-verify=false", name})) == "");
  for (const std::string& layer : made.layers) CHECK(registry.count("GET /v2/paper/blobs/" + layer) == 1);
  CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
}

TEST_CASE("pulls, roots and prunes at the same time leave a store that is whole") {
  Workshop shop;
  Registry registry;
  shop.set("/registries", "{\"" + registry.address() + "\": {\"insecure\": true}}");
  std::string name = push_image(shop, registry);
  for (unsigned round = 0; round < rounds(5); ++round) {
    std::vector<std::vector<std::string>> lines;
    for (int i = 0; i < 4; ++i) {
      lines.push_back({"root", "create", name, "r" + std::to_string(i)});
      lines.push_back({"image", "prune", "-af"});
      lines.push_back({"pull", "-q", name});
    }
    std::string failed = failures(shop, lines);
    // Removed between being pulled and being used: that is said, and nothing else may go wrong.
    for (size_t at = 0; at < failed.size();) {
      size_t end = std::min(failed.find('\n', at), failed.size());
      std::string line = failed.substr(at, end - at);
      INFO(failed);
      CHECK(line == containing(name));
      at = end + 1;
    }
    CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
    for (const std::string& root : words(shop.must({"root", "ls", "-q"}))) {
      std::string place = shop.must({"root", "mount", root});
      CHECK(std::filesystem::file_size(place + "/file3") == 200'000);
      CHECK(std::filesystem::exists(place + "/bin/busybox"));
      shop.must({"root", "rm", "-f", root});
    }
  }
}

TEST_CASE("many roots are made, cloned, mounted and removed at once", "[mounts]") {
  Workshop shop;
  write_text(shop.scratch() + "/box.tar", tar_of(busybox_members()));
  shop.must({"image", "import", "-q", shop.scratch() + "/box.tar", "box:1"});
  shop.must({"root", "create", "box:1", "base"});
  std::vector<std::vector<std::string>> made, removed;
  for (int i = 0; i < 10; ++i) {
    std::string number = std::to_string(i);
    made.push_back({"root", "create", "--mount", "box:1", "a" + number});
    made.push_back({"root", "clone", "base", "b" + number});
    removed.push_back({"root", "rm", "-f", "a" + number});
    removed.push_back({"root", "rm", "b" + number});
  }
  CHECK(failures(shop, made) == "");
  CHECK(words(shop.must({"root", "ls", "-q"})).size() == 21);
  CHECK(failures(shop, removed) == "");
  CHECK(shop.must({"root", "ls", "-q"}) == "base");
  // Of one name only one comes to be.
  std::vector<std::vector<std::string>> same(6, {"root", "create", "box:1", "one"});
  std::string failed = failures(shop, same);
  CHECK(std::count(failed.begin(), failed.end(), '\n') == 5);
}

TEST_CASE("a pull that is interrupted goes on when it is called again") {
  Workshop shop;
  Registry registry;
  std::string name = push_image(shop, registry);
  for (unsigned round = 0; round < rounds(5); ++round) {
    Process pull(shop.command({"pull", "-q", "--tls-verify=false", name}));
    nap((0.03 + 0.01 * round) * time_factor());  // it is shoji by then
    pull.signal(SIGINT);
    Finished done = pull.wait(60 * time_factor());
    CHECK((done.code == 128 + SIGINT || done.code == 0));
  }
  shop.must({"pull", "-q", "--tls-verify=false", name});
  CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
  shop.must({"image", "prune"});
  CHECK(shop.must({"image", "prune", "--dry-run"}) == "Nothing to remove");
}

TEST_CASE("output that cannot be written is an error") {
  Workshop shop;
  Command command = shop.command({"images"});
  command.argv = {"/bin/sh", "-c", "\"$@\" >/dev/full", "sh", command.argv[0], "images"};
  Finished done = run_command(command);
  CHECK(done.code == 1);
  CHECK(done.err == containing("No space left on device"));
  CHECK(one_sentence(done));
}
