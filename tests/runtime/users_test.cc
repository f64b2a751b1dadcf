#include "runtime/users.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

struct UserRoot {
  std::string path;
  UniqueFd fd;
  UserRoot() {
    char name[] = "/tmp/shoji-users.XXXXXX";
    path = mkdtemp(name);
    REQUIRE(make_directories(path + "/etc", 0755));
    fd = open_file(path, O_PATH | O_DIRECTORY).value();
  }
  ~UserRoot() { ignore(remove_tree(path), "the test is over"); }
  UserRoot(const UserRoot&) = delete;
  UserRoot& operator=(const UserRoot&) = delete;
  void files(std::string_view passwd, std::string_view group) const {
    REQUIRE(write_file_atomically(path + "/etc/passwd", passwd));
    REQUIRE(write_file_atomically(path + "/etc/group", group));
  }
};

}  // namespace

TEST_CASE("users are found as the image knows them") {
  UserRoot root;
  root.files("root:x:0:0:root:/root:/bin/sh\nbroken\nwww:x:33:34::/var/www:/bin/sh\n",
             "root:x:0:\nwww:x:34:\nstaff:x:50:bob,www\naudio:x:29:www\n");
  FoundUser www = find_user(root.fd.get(), "www").value();
  CHECK(www.uid == 33);
  CHECK(www.gid == 34);
  CHECK(www.groups == std::vector<uint32_t>{50, 29});
  CHECK(find_user(root.fd.get(), "33").value().gid == 34);
  CHECK(find_user(root.fd.get(), "").value().uid == 0);
  FoundUser other = find_user(root.fd.get(), "www:staff").value();
  CHECK(other.gid == 50);
  CHECK(other.groups.empty());
  CHECK(find_user(root.fd.get(), "1000:1001").value().gid == 1001);
  CHECK(find_user(root.fd.get(), "1000").value().uid == 1000);
  CHECK(find_user(root.fd.get(), "bob").error().text == "there is no user \"bob\" in /etc/passwd");
  CHECK(find_user(root.fd.get(), "www:none").error().text == "there is no group \"none\" in /etc/group");
  CHECK(home_of(root.fd.get(), 33) == "/var/www");
  CHECK_FALSE(home_of(root.fd.get(), 34));
}

TEST_CASE("an image without users has numbers") {
  UserRoot root;
  CHECK(find_user(root.fd.get(), "5:6").value().gid == 6);
  CHECK(find_user(root.fd.get(), "").value().uid == 0);
  CHECK_FALSE(find_user(root.fd.get(), "root"));
}
