#include "netsetup/names/names.h"

#include <sys/stat.h>

#include <cstdlib>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {
struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/shoji-names.XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { ignore(remove_tree(path), "the test is over"); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
};
NameFiles web() {
  NameFiles files;
  files.hostname = "web1";
  files.hosts = {{*Address::parse("10.7.0.2"), {"web1", "web1.farm"}},
                 {*Address::parse("fd07::2"), {"web1"}}};
  files.dns = {*Address::parse("10.7.0.1")};
  files.search = {"farm"};
  files.options = {"ndots:1"};
  return files;
}
}  // namespace

TEST_CASE("the files of names are written, and rewritten in the same inode") {
  Directory directory;
  REQUIRE(write_name_files(directory.path, web()));
  CHECK(*read_file(directory.path + "/hostname") == "web1\n");
  CHECK(*read_file(directory.path + "/hosts") ==
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.7.0.2 web1 web1.farm\nfd07::2 "
        "web1\n");
  CHECK(*read_file(directory.path + "/resolv.conf") == "nameserver 10.7.0.1\nsearch farm\noptions ndots:1\n");
  struct stat before{}, after{};
  stat((directory.path + "/hosts").c_str(), &before);
  CHECK((before.st_mode & 07777) == 0644);
  NameFiles fewer = web();
  fewer.hosts.clear();
  REQUIRE(write_name_files(directory.path, fewer));
  CHECK(*read_file(directory.path + "/hosts") ==
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
  stat((directory.path + "/hosts").c_str(), &after);
  CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("a name cannot bring a line of its own") {
  Directory directory;
  for (const char* bad : {"", "a b", "a\n1.2.3.4 bank.example", "a#"}) {
    NameFiles files = web();
    files.hosts[0].names = {bad};
    CHECK(write_name_files(directory.path, files).error().kind == Kind::kInvalid);
  }
}

TEST_CASE("what a resolv.conf says to a partition") {
  Directory directory;
  std::string path = directory.path + "/resolv.conf";
  REQUIRE(write_file_atomically(
      path,
      "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.1\r\n  nameserver\tfd00::1\nsearch a b\n"
      "search c\noptions edns0 trust-ad\noptions ndots:2\nsortlist x\n"));
  Result<NameFiles> files = read_resolv_conf(path);
  REQUIRE(files);
  REQUIRE(files->dns.size() == 2);
  CHECK(files->dns[1].text() == "fd00::1");
  CHECK(files->search == std::vector<std::string>{"c"});
  CHECK(files->options == std::vector<std::string>{"edns0", "trust-ad", "ndots:2"});
  CHECK(read_resolv_conf(directory.path + "/none")->dns.empty());
}
