// Verbs of roots are killed at random moments; the next ones find a sane state, and nothing is left in the end.
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <random>

#include "tests/images/root_fixture.h"

using namespace shoji;
using namespace shoji::images;
using namespace shoji::images::test;

namespace {

int number_from(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  return text == nullptr ? otherwise : atoi(text);
}

class Storm {
 public:
  explicit Storm(unsigned seed) : random_(seed) { image_ = fixture_.image(4); }
  [[nodiscard]] const Store& store() const { return fixture_.store(); }

  // One verb, in this process. Errors are fine: names are taken, gone or mounted.
  void act(int verb, const std::string& name, const std::string& other) {
    switch (verb) {
      case 0:
        ignore(create_root(store(), name, "test", image_, {}), "as above");
        break;
      case 1:
        ignore(clone_root(store(), name, other), "as above");
        break;
      case 2:
        ignore(snapshot_root(store(), name, other), "as above");
        break;
      case 3:
        ignore(rollback_root(store(), name, other), "as above");
        break;
      case 4:
        ignore(remove_snapshot(store(), name, other), "as above");
        break;
      case 5:
        ignore(remove_root(store(), name), "as above");
        break;
      case 6:
        write_through_mount(name);
        break;
      default:
        mount_and_unmount(name);
    }
  }
  void killed_round() {
    int verb = pick(8);
    std::string name = cat("r", pick(3)), other = cat("r", pick(3));
    int wait_us = pick(pick(2) == 0 ? 300 : 4000);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      act(verb, name, other);
      _exit(0);
    }
    usleep(static_cast<useconds_t>(wait_us));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    INFO("verb " << verb << " on " << name << " and " << other);
    check_sane();
  }
  // Every root that is listed can be mounted, has its image, and shows one whole generation of its files.
  void check_sane() {
    for (const Root& root : good(list_roots(store()))) {
      INFO(root.name);
      if (!root.mounted_at.empty()) REQUIRE_GOOD(unmount_root(store(), root));
      UniqueFd mount = good(open_root(store(), root, {}));
      CHECK(text_at(mount.get(), "layer-0") == "0");
      CHECK(text_at(mount.get(), "same") == "3");
      if (exists_at(mount.get(), "first")) CHECK(exists_at(mount.get(), "base"));
    }
  }
  void end() {
    REQUIRE_GOOD(clean_roots(store()));
    std::vector<Root> roots = good(list_roots(store()));
    CHECK(names_at(AT_FDCWD, store().path() + "/roots").size() == roots.size());
    for (const Root& root : roots) REQUIRE_GOOD(remove_root(store(), root.name));
    CHECK(names_at(AT_FDCWD, store().path() + "/roots").empty());
    if (exists_at(store().dir(), "frozen"))
      CHECK(names_at(store().dir(), "frozen") == std::vector<std::string>());
    CHECK(good(read_file("/proc/self/mountinfo")).find(fixture_.path()) == std::string::npos);
  }
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

 private:
  // "base" is written before "first": no snapshot or clone may have the second alone.
  void write_through_mount(const std::string& name) {
    auto root = find_root(store(), name);
    if (!root) return;
    auto mount = open_root(store(), *root, {});
    if (!mount) return;
    write_at(mount->get(), "base", "x");
    write_at(mount->get(), "first", "x");
  }
  void mount_and_unmount(const std::string& name) {
    auto root = find_root(store(), name);
    if (!root) return;
    MountOptions options{.uids = {}, .gids = {}, .force_legacy = pick(2) == 0};
    if (pick(2) == 0) options.uids = options.gids = {{0, 100'000, 65'536}};
    ignore(mount_root(store(), *root, "", options), "as above");
    ignore(unmount_root(store(), *root), "as above");
  }

  RootFixture fixture_;
  Image image_;
  std::minstd_rand random_;
};

}  // namespace

TEST_CASE("verbs of roots that are killed at any moment leave a sane store", "[fault]") {
  int rounds = number_from("SHOJI_ROUNDS", 60);
  auto seed = static_cast<unsigned>(number_from("SHOJI_SEED", static_cast<int>(std::random_device{}() >> 1)));
  INFO("SHOJI_SEED=" << seed);
  Storm storm(seed);
  for (const char* name : {"r0", "r1"}) storm.act(0, name, "");
  for (int i = 0; i < rounds; ++i) {
    INFO("round " << i);
    storm.killed_round();
    if (i % 3 == 0) storm.act(storm.pick(8), cat("r", storm.pick(3)), cat("r", storm.pick(3)));
  }
  storm.end();
}
