// Templates, with mmdebstrap and the network: images that are the same however often they are built, and that serve.
#include <unistd.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

constexpr double kBuildSeconds = 280;

std::string build(const Workshop& shop, const std::string& name, const std::vector<std::string>& flags = {}) {
  std::vector<std::string> arguments = {"template", "build"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back(name);
  shop.must(arguments, kBuildSeconds);
  return json_at(shop.must({"inspect", name}), "/0/id");
}

// What a web server answers to a request from inside its own network namespace.
std::string fetch(Sandbox& box, const std::string& url) {
  Finished done;
  for (int attempt = 0; attempt < 100; ++attempt, usleep(100'000)) {
    done = tried(
        {"nsenter", "--net=/proc/" + std::to_string(box.pid()) + "/ns/net", "curl", "-sS", "-m", "5", url});
    if (done.code == 0) return done.out;
  }
  return done.err;
}

// A container that runs what the image says, as whom it says.
void configure(Sandbox& box, const std::string& root, const std::string& image) {
  std::vector<std::string> argv;
  for (int i = 0; !json_at(image, "/0/cmd/" + std::to_string(i)).empty(); ++i)
    argv.push_back(json_at(image, "/0/cmd/" + std::to_string(i)));
  box.bundle.set("/root/path", json_string(root)).args(argv);
  const std::string user = json_at(image, "/0/user"), place = json_at(image, "/0/working_dir");
  if (!place.empty()) box.bundle.set("/process/cwd", json_string(place));
  if (!user.empty()) {
    box.bundle.set("/process/user/uid", user.substr(0, user.find(':')));
    box.bundle.set("/process/user/gid", user.substr(user.find(':') + 1));
  }
  box.bundle.set("/process/env", R"(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"])");
  box.bundle.capabilities(
      {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"});
}

}  // namespace

TEST_CASE("a template of extracted packages") {
  Workshop shop, other;
  const std::string id = build(shop, "busybox");
  CHECK_FALSE(id.empty());
  CHECK(build(other, "busybox") == id);  // in another place, at another time
  // Nothing is installed the second time.
  CHECK(shop.shoji({"template", "build", "busybox"}).err != containing("installing"));
  CHECK(build(shop, "busybox", {"--no-cache"}) == id);
  const std::string root = shop.must({"root", "create", "--mount", "busybox", "web"});
  CHECK(shop.run_in(root, {"/bin/sh", "-c", "cat /usr/share/shoji/packages"}) ==
        containing("busybox-static 1:"));
  CHECK(shop.run_in(root, {"/bin/sh", "-c", "ls -A /etc"}) == "group\npasswd\n");
  shop.must({"root", "rm", "-f", "web"});
}

TEST_CASE("a template that does not work is refused in a sentence") {
  Workshop shop;
  const std::string path = shop.scratch() + "/odd.json";
  write_text(
      path,
      R"({"variant": "extract", "packages": ["busybox-static"], "files": [{"path": "/bin/sh", "link": "busybox"}],
    "run": ["exit 3"]})");
  CHECK(shop.refused({"template", "build", path}) == containing("mmdebstrap"));
  write_text(path, R"({"variant": "extract", "packages": ["no-such-package-anywhere"]})");
  CHECK(shop.refused({"template", "build", path}) == containing("no-such-package-anywhere"));
  write_text(
      path,
      R"({"variant": "extract", "packages": ["busybox-static"], "files": [{"path": "/a", "source": "none"}]})");
  CHECK(shop.refused({"template", "build", path}) == containing("No such file"));
  CHECK(std::filesystem::is_empty(shop.store() + "/tmp"));
}

TEST_CASE("web servers from templates serve, and share their base") {
  Workshop shop;
  struct Server {
    std::string name, port, answer, stop;
  };
  for (const Server& server :
       {Server{"nginx", "80", "Hello from nginx", "QUIT"}, Server{"php", "8080", "Hello from PHP", "INT"},
        Server{"python", "8000", "Hello from Python", "TERM"}}) {
    build(shop, server.name);
    const std::string image = shop.must({"inspect", server.name});
    const std::string root = shop.must({"root", "create", "--mount", server.name, server.name});
    Sandbox box;
    configure(box, root, image);
    box.launch();
    CHECK(fetch(box, "http://127.0.0.1:" + server.port + "/healthz") == "ok\n");
    CHECK(fetch(box, "http://127.0.0.1:" + server.port + "/") == containing(server.answer));
    box.kill(server.stop);
    CHECK(box.exit_code(10) == 0);
    box.remove();
    shop.must({"root", "rm", "-f", server.name});
  }
  // Of the second and third one only their own packages were installed: four layers for three images.
  int blobs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shop.store() + "/layers"))
    blobs += entry.is_directory();
  CHECK(blobs == 4);
}
