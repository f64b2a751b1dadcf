#include "spec/bundle.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

constexpr char kConfig[] =
    R"({"ociVersion": "1.3.0", "root": {"path": "ROOT"}, "process": {"args": ["sh"], "cwd": "/"}})";

// A directory with the config.json, removed at the end.
struct Directory {
  explicit Directory(std::string_view config) {
    char name[] = "/tmp/shoji-bundle-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
    if (!config.empty()) REQUIRE(write_file_atomically(path + "/config.json", config));
  }
  ~Directory() { (void)remove_tree(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string path;
};

std::string with_root(std::string_view root) {
  std::string out = kConfig;
  return out.replace(out.find("ROOT"), 4, root);
}

std::string refusal(std::string_view config) {
  Directory directory(config);
  auto bundle = Bundle::load(directory.path);
  REQUIRE(!bundle);
  return bundle.error().text;
}

}  // namespace

TEST_CASE("bundle: paths become absolute") {
  Directory relative(with_root("rootfs"));
  auto bundle = Bundle::load(cat(relative.path, "/./"));
  REQUIRE(bundle);
  CHECK(bundle->path == relative.path);
  CHECK(bundle->root_path == relative.path + "/rootfs");
  CHECK(bundle->spec.process->args == std::vector<std::string>{"sh"});
  Directory absolute(with_root("/srv/root"));
  CHECK(Bundle::load(absolute.path)->root_path == "/srv/root");
  auto other = Bundle::load("/", absolute.path + "/config.json");
  REQUIRE(other);
  CHECK(other->path == "/");
  CHECK(other->root_path == "/srv/root");
}

TEST_CASE("bundle: what is wrong is one sentence that opens with the file") {
  CHECK(refusal("{\"ociVersion\": }").starts_with("config.json: line 1, column 16 at /ociVersion: "));
  CHECK(refusal("[]") == "config.json: the document: expected an object, found an array");
  CHECK(refusal("{}") == "config.json: /ociVersion: missing");
  CHECK(refusal(R"({"ociVersion": "1.0.0"})") == "config.json: /root/path: missing");
  CHECK(refusal(R"({"ociVersion": "1.0.0", "process": {"cwd": "/", "args": ["a", 1]}})") ==
        "config.json: /process/args/1: expected a string, found an integer");
  CHECK(refusal(with_root("a\\u0000b")) == "config.json: /root/path: contains a NUL character");
}

TEST_CASE("bundle: absent directories and files are named") {
  auto nowhere = Bundle::load("/nowhere/at/all");
  REQUIRE(!nowhere);
  CHECK(nowhere.error().text == "bundle \"/nowhere/at/all\": No such file or directory");
  CHECK(nowhere.error().kind == Kind::kNotFound);
  Directory empty("");
  auto no_config = Bundle::load(empty.path);
  REQUIRE(!no_config);
  CHECK(no_config.error().text == cat("open \"", empty.path, "/config.json\": No such file or directory"));
}
