#include "namespaces/mounts/copy_up.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

// Two directories, FROM with content and TO without.
class Trees {
 public:
  Trees() {
    char name[] = "/tmp/shoji-copy-XXXXXX";
    path_ = mkdtemp(name);
    REQUIRE(mkdir(from().c_str(), 0750) == 0);
    REQUIRE(mkdir(to().c_str(), 0755) == 0);
  }
  ~Trees() { ignore(remove_tree(path_), "a temporary directory"); }
  [[nodiscard]] std::string from(const std::string& name = "") const { return path_ + "/from/" + name; }
  [[nodiscard]] std::string to(const std::string& name = "") const { return path_ + "/to/" + name; }

  void file(const std::string& name, std::string_view text, mode_t mode) {
    auto fd = open_file(from(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    REQUIRE(fd);
    REQUIRE(write_all(fd->get(), text, name));
    REQUIRE(fchmod(fd->get(), mode) == 0);
  }
  Result<> copy() {
    TRY_ASSIGN(UniqueFd source, open_file(from(), O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(UniqueFd target, open_file(to(), O_RDONLY | O_DIRECTORY));
    return copy_tree(source.get(), target.get());
  }

 private:
  std::string path_;
};

struct stat facts(const std::string& path) {
  struct stat st{};
  INFO(path);
  REQUIRE(lstat(path.c_str(), &st) == 0);
  return st;
}

}  // namespace

TEST_CASE("a copied tree has the modes, times and content of the original") {
  Trees trees;
  trees.file("plain", "text", 0640);
  trees.file("suid", "", 04755);
  REQUIRE(mkdir(trees.from("dir").c_str(), 0700) == 0);
  trees.file("dir/inside", std::string(300000, 'x'), 0400);
  REQUIRE(chmod(trees.from("dir").c_str(), 01500) == 0);
  const timespec times[] = {{1000, 5}, {2000, 7}};
  REQUIRE(utimensat(AT_FDCWD, trees.from("dir").c_str(), times, 0) == 0);
  REQUIRE(trees.copy());
  CHECK(read_file(trees.to("plain")) == "text");
  CHECK(facts(trees.to("plain")).st_mode == (S_IFREG | 0640));
  CHECK(facts(trees.to("suid")).st_mode == (S_IFREG | 04755));
  CHECK(facts(trees.to("dir")).st_mode == (S_IFDIR | 01500));
  CHECK(facts(trees.to("dir")).st_mtim.tv_sec == 2000);
  CHECK(facts(trees.to("dir")).st_mtim.tv_nsec == 7);
  CHECK(facts(trees.to("dir/inside")).st_size == 300000);
  CHECK(facts(trees.to()).st_mode == (S_IFDIR | 0750));
}

TEST_CASE("links stay links, sockets stay behind") {
  Trees trees;
  trees.file("first", "shared", 0644);
  REQUIRE(link(trees.from("first").c_str(), trees.from("second").c_str()) == 0);
  REQUIRE(symlink("/etc/shadow", trees.from("absolute").c_str()) == 0);
  REQUIRE(symlink("nowhere", trees.from("dangling").c_str()) == 0);
  REQUIRE(mkfifo(trees.from("fifo").c_str(), 0622) == 0);
  REQUIRE(chmod(trees.from("fifo").c_str(), 0622) == 0);
  REQUIRE(mknod(trees.from("socket").c_str(), S_IFSOCK | 0600, 0) == 0);
  auto copied = trees.copy();
  // Making a hard link by descriptor takes CAP_DAC_READ_SEARCH before Linux 6.10 (open(2) AT_EMPTY_PATH).
  if (!copied && copied.error().err == ENOENT && geteuid() != 0) return;
  REQUIRE(copied);
  CHECK(facts(trees.to("first")).st_ino == facts(trees.to("second")).st_ino);
  CHECK(facts(trees.to("first")).st_nlink == 2);
  char target[64] = {};
  REQUIRE(readlink(trees.to("absolute").c_str(), target, sizeof target) == 11);
  CHECK(std::string(target) == "/etc/shadow");
  CHECK(S_ISLNK(facts(trees.to("dangling")).st_mode));
  CHECK(facts(trees.to("fifo")).st_mode == (S_IFIFO | 0622));
  struct stat st{};
  CHECK(lstat(trees.to("socket").c_str(), &st) != 0);
}

TEST_CASE("extended attributes are copied where both filesystems have them") {
  Trees trees;
  trees.file("file", "x", 0644);
  if (setxattr(trees.from("file").c_str(), "user.colour", "blue", 4, 0) != 0) {
    WARN("no user.* attributes on /tmp");
    return;
  }
  REQUIRE(trees.copy());
  char value[16] = {};
  CHECK(getxattr(trees.to("file").c_str(), "user.colour", value, sizeof value) == 4);
  CHECK(std::string(value) == "blue");
}

TEST_CASE("a tree that nests without end is refused, not followed") {
  Trees trees;
  std::string path = trees.from();
  for (int i = 0; i < 220; ++i) {
    path += "d/";
    REQUIRE(mkdir(path.c_str(), 0755) == 0);
  }
  auto copied = trees.copy();
  REQUIRE(!copied);
  CHECK(copied.error().kind == Kind::kInvalid);
  CHECK(copied.error().text == "copy up \"d\": directories nest too deeply");
}
