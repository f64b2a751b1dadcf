// Paths of hostile images: whatever the symlinks say, nothing outside the root is opened or made.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "base/io.h"
#include "runtime/init/walker.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct Root {
  std::string top;
  UniqueFd fd;
  Root() {
    char name[] = "/tmp/shoji-resolve-XXXXXX";
    top = mkdtemp(name);
    mkdir((top + "/root").c_str(), 0755);
    mkdir((top + "/outside").c_str(), 0755);
    fd = UniqueFd(open((top + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Root() { ignore(remove_tree(top), "a temporary directory"); }
  void link(const std::string& target, const std::string& at) const {
    REQUIRE(symlink(target.c_str(), (top + "/root/" + at).c_str()) == 0);
  }
  [[nodiscard]] bool has(const std::string& path) const {
    struct stat st{};
    return lstat((top + "/" + path).c_str(), &st) == 0;
  }
  // Makes `path` and returns 0 or the negative errno.
  [[nodiscard]] long make(const char* path, Make what = Make::kDirectory, bool follow = true) const {
    long made = make_below(fd.get(), path, what, follow);
    if (made >= 0) close(static_cast<int>(made));
    return made < 0 ? made : 0;
  }
};

}  // namespace

TEST_CASE("make_below makes missing directories and files inside the root") {
  Root root;
  CHECK(root.make("/a/b/c") == 0);
  CHECK(root.has("root/a/b/c"));
  CHECK(root.make("a/b/file", Make::kFile) == 0);
  struct stat st{};
  REQUIRE(stat((root.top + "/root/a/b/file").c_str(), &st) == 0);
  CHECK(S_ISREG(st.st_mode));
  CHECK(root.make("//a///b//c/") == 0);
  CHECK(root.make("/") == 0);
}

TEST_CASE("symlinks out of the root stay inside of it") {
  Root root;
  SECTION("absolute, existing on the host") {
    root.link(root.top + "/outside", "escape");
    CHECK(root.make("/escape/x") == 0);
    CHECK_FALSE(root.has("outside/x"));
    CHECK(root.has("root" + root.top + "/outside/x"));
  }
  SECTION("relative with too many parents") {
    root.link("../../../../../../../outside", "up");
    CHECK(root.make("/up/x") == 0);
    CHECK_FALSE(root.has("outside/x"));
    CHECK(root.has("root/outside/x"));
  }
  SECTION("dangling at the end, for a file") {
    root.link("../../outside/new", "dangling");
    CHECK(root.make("/dangling", Make::kFile) == 0);
    CHECK_FALSE(root.has("outside/new"));
    CHECK(root.has("root/outside/new"));
  }
  SECTION("a chain of dangling links") {
    root.link("/two/x", "one");
    root.link("three", "two");
    CHECK(root.make("/one/y") == 0);
    CHECK(root.has("root/three/x/y"));
  }
}

TEST_CASE("endless symlinks end") {
  Root root;
  root.link("loop", "loop");
  CHECK(root.make("/loop/x") == -ELOOP);
  root.link("/grow/grow", "grow");
  CHECK(root.make("/grow") < 0);
}

TEST_CASE("a file in the way is an error, not replaced") {
  Root root;
  REQUIRE(root.make("file", Make::kFile) == 0);
  CHECK(root.make("/file/below") == -ENOTDIR);
}

TEST_CASE("the last component is not followed when asked") {
  Root root;
  root.link("/target", "link");
  long fd = make_below(root.fd.get(), "/link", Make::kDirectory, false);
  REQUIRE(fd >= 0);
  struct stat st{};
  REQUIRE(fstat(static_cast<int>(fd), &st) == 0);
  CHECK(S_ISLNK(st.st_mode));
  close(static_cast<int>(fd));
  CHECK_FALSE(root.has("root/target"));
}

TEST_CASE("kParent gives the directory and the name") {
  Root root;
  const char* name = nullptr;
  long fd = make_below(root.fd.get(), "/dev/sub/null", Make::kParent, true, &name);
  REQUIRE(fd >= 0);
  CHECK(std::string(name) == "null");
  close(static_cast<int>(fd));
  CHECK(root.has("root/dev/sub"));
  CHECK_FALSE(root.has("root/dev/sub/null"));
  CHECK(make_below(root.fd.get(), "/dev/..", Make::kParent, true, &name) == -EINVAL);
}

TEST_CASE("too long paths are refused") {
  Root root;
  std::string name(5000, 'x');
  CHECK(root.make(name.c_str()) == -ENAMETOOLONG);
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += "/" + std::string(200, 'y');
  CHECK(root.make(deep.c_str()) == -ENAMETOOLONG);
}
