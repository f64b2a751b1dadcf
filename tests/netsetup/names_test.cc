#include "netsetup/names/names.h"

#include <sys/stat.h>

#include <cstdlib>

#include "base/io.h"
#include "netsetup/names/hosts_text.h"
#include "netsetup/names/live.h"
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
ResolverFiles web() {
  ResolverFiles files;
  files.hostname = "web1";
  files.dns = {*Address::parse("10.7.0.1")};
  files.search = {"farm"};
  files.options = {"ndots:1"};
  return files;
}
ino_t inode_of(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}
}  // namespace

TEST_CASE("the files of the resolver are written, and rewritten in the same inode") {
  Directory directory;
  REQUIRE(write_resolver_files(directory.path, web()));
  std::string path = directory.path + "/resolv.conf";
  CHECK(*read_file(directory.path + "/hostname") == "web1\n");
  CHECK(*read_file(path) == "nameserver 10.7.0.1\nsearch farm\noptions ndots:1\n");
  ino_t before = inode_of(path);
  struct stat info{};
  stat(path.c_str(), &info);
  CHECK((info.st_mode & 07777) == 0644);
  ResolverFiles fewer = web();
  fewer.search.clear();
  REQUIRE(write_resolver_files(directory.path, fewer));
  CHECK(*read_file(path) == "nameserver 10.7.0.1\noptions ndots:1\n");
  CHECK(inode_of(path) == before);
}

TEST_CASE("a name cannot bring a line of its own, nor a path") {
  for (const char* bad : {"", "a b", "a\n1.2.3.4 bank.example", "a#", "..", "a/b"})
    CHECK(check_host_name(bad).error().kind == Kind::kInvalid);
  CHECK(check_host_name("web-1.example"));
}

TEST_CASE("what a resolv.conf says to a partition") {
  Directory directory;
  std::string path = directory.path + "/resolv.conf";
  REQUIRE(write_file_atomically(
      path,
      "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.1\r\n  nameserver\tfd00::1\nsearch a b\n"
      "search c\noptions edns0 trust-ad\noptions ndots:2\nsortlist x\n"));
  Result<ResolverFiles> files = read_resolv_conf(path);
  REQUIRE(files);
  REQUIRE(files->dns.size() == 2);
  CHECK(files->dns[1].text() == "fd00::1");
  CHECK(files->search == std::vector<std::string>{"c"});
  CHECK(files->options == std::vector<std::string>{"edns0", "trust-ad", "ndots:2"});
  CHECK(read_resolv_conf(directory.path + "/none")->dns.empty());
}

namespace {
Address address(const char* text) {
  return *Address::parse(text);
}
}  // namespace

TEST_CASE("no line of a hosts file moves while names come and go") {
  std::string text = hosts_beginning({"farm"});
  const std::string beginning = text;
  CHECK(networks_of(text) == std::vector<std::string>{"farm"});
  put_name(text, {"web1", "farm"}, {address("10.7.0.2"), address("fd07::2")});
  put_name(text, {"web2", "farm"}, {address("10.7.0.3")});
  CHECK(text == beginning + "10.7.0.2 web1 web1.farm\nfd07::2 web1 web1.farm\n10.7.0.3 web2 web2.farm\n");
  size_t of_web2 = text.find("10.7.0.3");
  put_name(text, {"web1", "farm"}, {});
  CHECK(text.find("web1") == std::string::npos);
  CHECK(text.find("10.7.0.3 web2 web2.farm\n") == of_web2);
  // A shorter line takes the place of a longer one, and leaves again.
  put_name(text, {"w", "farm"}, {address("10.7.0.4")});
  CHECK(text.starts_with(beginning + "10.7.0.4 w w.farm"));
  CHECK(text.find("10.7.0.3 web2 web2.farm\n") == of_web2);
  put_name(text, {"w", "farm"}, {});
  CHECK(text.find("w.farm") == std::string::npos);
  // A longer one goes to the end.
  put_name(text, {"a-long-name-of-a-partition", "farm"}, {address("10.7.0.5")});
  CHECK(text.ends_with("10.7.0.5 a-long-name-of-a-partition a-long-name-of-a-partition.farm\n"));
  CHECK(text.find("10.7.0.3 web2 web2.farm\n") == of_web2);
}

TEST_CASE("names that are parts of others stay apart") {
  std::string text = hosts_beginning({"farm", "b.farm"});
  put_name(text, {"web", "farm"}, {address("10.7.0.2")});
  put_name(text, {"web", "farm", NameOwner::kService}, {address("10.7.0.1")});
  put_name(text, {"a.b", "farm"}, {address("10.7.0.3")});
  put_name(text, {"a", "b.farm"}, {address("10.8.0.3")});
  put_name(text, {"my-web", "farm"}, {address("10.7.0.4")});
  put_name(text, {"web", "farm"}, {});
  put_name(text, {"a", "b.farm"}, {});
  CHECK(text.find("10.7.0.2 ") == std::string::npos);
  CHECK(text.find("10.8.0.3 ") == std::string::npos);
  CHECK(text.find("10.7.0.1 web web.farm #service\n") != std::string::npos);
  CHECK(text.find("10.7.0.3 a.b a.b.farm\n") != std::string::npos);
  CHECK(text.find("10.7.0.4 my-web my-web.farm\n") != std::string::npos);
  put_name(text, {"web", "farm", NameOwner::kService}, {});
  CHECK(text.find("#service") == std::string::npos);
}

TEST_CASE("a hosts file does not grow with what has gone, and mends a torn end") {
  std::string text = hosts_beginning({"farm"});
  const std::string beginning = text;
  for (int i = 0; i < 200; ++i) put_name(text, {cat("web", i), "farm"}, {address("10.7.0.2")});
  size_t full = text.size();
  for (int i = 0; i < 199; ++i) put_name(text, {cat("web", i), "farm"}, {});
  CHECK(text.size() == full);
  close_gaps(text);
  CHECK(text == beginning + "10.7.0.2 web199 web199.farm\n");
  text += "10.7.0.3 we";
  mend_end(text);
  CHECK(text == beginning + "10.7.0.2 web199 web199.farm\n");
}

TEST_CASE("only what differs is written") {
  CHECK(difference("abcdef", "abXdef").offset == 2);
  CHECK(difference("abcdef", "abXdef").text == "X");
  CHECK(difference("abc", "abcdef").offset == 3);
  CHECK(difference("abc", "abcdef").text == "def");
  CHECK(difference("abcdef", "abXf").text == "Xf");
  CHECK(difference("abc", "abc").text.empty());
  CHECK(difference("abcdef", "abc").text.empty());
}

namespace {

// Records as an attach writes them, without interfaces.
struct Farm {
  Directory directory;
  NetworkStore store{.root = directory.path + "/lib", .run = directory.path + "/run"};

  void network(const char* document) { REQUIRE(create_network(store, *parse_network(document, "test"))); }
  Attachment record(const std::string& partition, const std::string& network, const char* at) {
    Attachment out;
    out.partition = partition;
    out.network = network;
    out.interface = "eth0";
    out.host_interface = "sj0";
    out.addresses = {*Prefix::parse(at)};
    out.mac = mac_for(out.addresses[0].address);
    std::string directory_of_records = store.run + "/attachments/" + partition;
    REQUIRE(make_directories(directory_of_records, 0700));
    REQUIRE(write_file_atomically(directory_of_records + "/" + network, print_attachment(out)));
    return out;
  }
  void join(const std::string& partition, const std::string& network, const char* at) {
    REQUIRE(add_names(store, {record(partition, network, at)}));
  }
  void leave(const std::string& partition, const std::string& network) {
    Attachment gone;
    gone.partition = partition;
    gone.network = network;
    std::string path = store.run + "/attachments/" + partition + "/" + network;
    REQUIRE(remove_tree(path));
    REQUIRE(remove_names(store, {gone}));
  }
  [[nodiscard]] std::string path(const char* partition, const char* file = "hosts") const {
    return names_directory(store, partition) + "/" + file;
  }
  [[nodiscard]] bool knows(const char* partition, const char* line) const {
    Result<std::string> text = read_file(path(partition));
    // A line that took the place of a longer one has blanks behind it.
    return text && (text->find(cat('\n', line, '\n')) != std::string::npos ||
                    text->find(cat('\n', line, "  ")) != std::string::npos);
  }
};
constexpr const char* kFarm =
    R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24"}], "dns": ["10.7.0.53"]})";
constexpr const char* kBack = R"({"name": "back", "kind": "routed", "subnets": [{"subnet": "10.8.0.0/24"}]})";

}  // namespace

TEST_CASE("partitions of a network know each other, and are told in one file") {
  Farm farm;
  farm.network(kFarm);
  farm.join("web1", "farm", "10.7.0.2/24");
  ino_t bound = inode_of(farm.path("web1"));
  farm.join("web2", "farm", "10.7.0.3/24");
  farm.join("web2", "farm", "10.7.0.3/24");
  CHECK(farm.knows("web1", "10.7.0.3 web2 web2.farm"));
  CHECK(farm.knows("web2", "10.7.0.2 web1 web1.farm"));
  CHECK(inode_of(farm.path("web1")) == bound);
  CHECK(inode_of(farm.path("web2")) == bound);
  CHECK(*read_file(farm.path("web2", "hostname")) == "web2\n");
  CHECK(*read_file(farm.path("web2", "resolv.conf")) == "nameserver 10.7.0.53\n");
  farm.leave("web2", "farm");
  CHECK_FALSE(farm.knows("web1", "10.7.0.3 web2 web2.farm"));
  CHECK(inode_of(farm.path("web2")) == 0);
  CHECK(inode_of(farm.path("web1")) == bound);
  farm.leave("web2", "farm");
}

TEST_CASE("who is on several networks knows those of each") {
  Farm farm;
  farm.network(kFarm);
  farm.network(kBack);
  farm.join("web1", "farm", "10.7.0.2/24");
  farm.join("db1", "back", "10.8.0.2/32");
  Attachment first = farm.record("app1", "farm", "10.7.0.4/24");
  Attachment second = farm.record("app1", "back", "10.8.0.4/32");
  REQUIRE(add_names(farm.store, {first, second}));
  ino_t bound = inode_of(farm.path("app1"));
  for (const char* line : {"10.7.0.2 web1 web1.farm", "10.8.0.2 db1 db1.back", "10.7.0.4 app1 app1.farm"})
    CHECK(farm.knows("app1", line));
  CHECK(farm.knows("web1", "10.7.0.4 app1 app1.farm"));
  CHECK(farm.knows("db1", "10.8.0.4 app1 app1.back"));
  CHECK_FALSE(farm.knows("web1", "10.8.0.2 db1 db1.back"));
  farm.join("db2", "back", "10.8.0.9/32");
  CHECK(farm.knows("app1", "10.8.0.9 db2 db2.back"));
  CHECK(inode_of(farm.path("app1")) == bound);
  // Off one of them: from its next start on it has the other's file.
  farm.leave("app1", "back");
  CHECK(inode_of(farm.path("app1")) == inode_of(farm.path("web1")));
}

TEST_CASE("services are found at the gateway, or where they are") {
  Farm farm;
  farm.network(kFarm);
  farm.network(kBack);
  farm.join("web1", "farm", "10.7.0.2/24");
  REQUIRE(set_service_name(farm.store, "shop", std::nullopt));
  farm.join("db1", "back", "10.8.0.2/32");
  CHECK(farm.knows("web1", "10.7.0.1 shop shop.farm #service"));
  CHECK(farm.knows("db1", "169.254.1.1 shop shop.back #service"));
  REQUIRE(set_service_name(farm.store, "shop", address("192.0.2.7")));
  CHECK(farm.knows("web1", "192.0.2.7 shop shop.farm #service"));
  CHECK_FALSE(farm.knows("web1", "10.7.0.1 shop shop.farm #service"));
  REQUIRE(set_service_name(farm.store, "shop", address("127.0.0.1")));
  CHECK_FALSE(farm.knows("web1", "127.0.0.1 shop shop.farm #service"));
  REQUIRE(remove_service_name(farm.store, "shop"));
  CHECK(read_file(farm.path("web1")).value_or("shop").find("shop") == std::string::npos);
  CHECK(set_service_name(farm.store, "a b", std::nullopt).error().kind == Kind::kInvalid);
}

TEST_CASE("a lost hosts file is made of the records again") {
  Farm farm;
  farm.network(kFarm);
  farm.join("web1", "farm", "10.7.0.2/24");
  REQUIRE(remove_tree(farm.store.run + "/hosts/farm"));
  farm.join("web2", "farm", "10.7.0.3/24");
  CHECK(farm.knows("web2", "10.7.0.2 web1 web1.farm"));
  CHECK(farm.knows("web2", "10.7.0.3 web2 web2.farm"));
}

TEST_CASE("a network that changes takes no names from those on it") {
  Farm farm;
  farm.network(kFarm);
  farm.join("web1", "farm", "10.7.0.2/24");
  REQUIRE(set_service_name(farm.store, "shop", std::nullopt));
  ino_t bound = inode_of(farm.path("web1"));
  REQUIRE(replace_network(
      farm.store,
      *parse_network(R"({"name": "farm", "subnets": [{"subnet": "10.7.0.0/24", "gateway": "10.7.0.9"}]})",
                     "t")));
  REQUIRE(refresh_names_of_network(farm.store, "farm"));
  CHECK(farm.knows("web1", "10.7.0.9 shop shop.farm #service"));
  farm.join("web2", "farm", "10.7.0.3/24");
  CHECK(farm.knows("web1", "10.7.0.3 web2 web2.farm"));
  CHECK(inode_of(farm.path("web1")) == bound);
  farm.leave("web1", "farm");
  farm.leave("web2", "farm");
  REQUIRE(refresh_names_of_network(farm.store, "farm"));
  CHECK(inode_of(farm.store.run + "/hosts/farm") == 0);
}
