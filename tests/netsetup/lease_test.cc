#include "netsetup/lease/lease.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

namespace {

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/shoji-leases.XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { ignore(remove_tree(path), "the test is over"); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
};

Address ip(std::string_view text) {
  return *Address::parse(text);
}

LeasePool pool_in(const Directory& directory, std::string_view first, std::string_view last) {
  return {directory.path + "/leases", ip(first), ip(last), {}};
}

}  // namespace

TEST_CASE("addresses are given in turn, and one that is given back is not given again at once") {
  Directory directory;
  LeasePool pool = pool_in(directory, "10.0.0.1", "10.0.0.5");
  pool.reserved = {ip("10.0.0.1"), ip("10.0.0.4")};
  CHECK(lease_any(pool, "a", "boot")->text() == "10.0.0.2");
  CHECK(release_address(pool, ip("10.0.0.2"), "a"));
  CHECK(lease_any(pool, "b", "boot")->text() == "10.0.0.3");
  CHECK(lease_any(pool, "c", "boot")->text() == "10.0.0.5");
  CHECK(lease_any(pool, "d", "boot")->text() == "10.0.0.2");
  Result<Address> none = lease_any(pool, "e", "boot");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == Kind::kState);
  CHECK(none.error().text == "every address from 10.0.0.1 to 10.0.0.5 is taken");
  REQUIRE(release_address(pool, ip("10.0.0.3"), "somebody else"));
  CHECK_FALSE(lease_any(pool, "e", "boot"));
  REQUIRE(release_address(pool, ip("10.0.0.3"), "b"));
  CHECK(lease_any(pool, "e", "boot")->text() == "10.0.0.3");
  REQUIRE(list_leases(pool)->size() == 3);
  CHECK((*list_leases(pool))[1].partition == "e");
}

TEST_CASE("a wanted address is given, or it is said who has it") {
  Directory directory;
  LeasePool pool = pool_in(directory, "10.0.0.1", "10.0.0.9");
  pool.reserved = {ip("10.0.0.1")};
  REQUIRE(lease_address(pool, ip("10.0.0.7"), "web", "boot"));
  CHECK(lease_address(pool, ip("10.0.0.7"), "web", "boot"));
  Result<> taken = lease_address(pool, ip("10.0.0.7"), "db", "boot");
  REQUIRE_FALSE(taken);
  CHECK(taken.error().kind == Kind::kExists);
  CHECK(taken.error().text == "address 10.0.0.7 is taken by \"web\"");
  CHECK(lease_address(pool, ip("10.0.0.1"), "web", "boot").error().kind == Kind::kInvalid);
}

TEST_CASE("leases of an earlier boot and of dead partitions are free") {
  Directory directory;
  LeasePool pool = pool_in(directory, "fd00::1", "fd00::3");
  for (const char* name : {"a", "b", "c"}) REQUIRE(lease_any(pool, name, "old boot"));
  CHECK(lease_any(pool, "d", "new boot")->text() == "fd00::1");
  CHECK(lease_address(pool, ip("fd00::2"), "e", "new boot"));
  Result<std::vector<Lease>> swept =
      sweep_leases(pool, "new boot", [](const std::string& name) { return name != "e"; });
  REQUIRE(swept);
  REQUIRE(swept->size() == 2);
  CHECK((*swept)[0].partition == "e");
  CHECK((*swept)[1].partition == "c");
  CHECK(list_leases(pool)->size() == 1);
}

TEST_CASE("processes that ask at once get different addresses") {
  Directory directory;
  LeasePool pool = pool_in(directory, "10.0.0.1", "10.0.3.255");
  constexpr int kProcesses = 8;
  constexpr int kEach = 50;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      for (int j = 0; j < kEach; ++j)
        if (!lease_any(pool, cat("p", i, "-", j), "boot")) _exit(1);
      _exit(0);
    }
    children.push_back(pid);
  }
  for (pid_t pid : children) {
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
  }
  std::set<std::string> partitions;
  Result<std::vector<Lease>> leases = list_leases(pool);
  REQUIRE(leases);
  for (const Lease& lease : *leases) partitions.insert(lease.partition);
  CHECK(leases->size() == kProcesses * kEach);
  CHECK(partitions.size() == kProcesses * kEach);
}

TEST_CASE("a crowded pool is searched by one listing") {
  Directory directory;
  LeasePool pool = pool_in(directory, "10.0.0.0", "10.0.1.255");
  for (int i = 0; i < 512; ++i) REQUIRE(lease_any(pool, "p", "boot"));
  REQUIRE(release_address(pool, ip("10.0.1.77"), "p"));
  CHECK(lease_any(pool, "q", "boot")->text() == "10.0.1.77");
  CHECK_FALSE(lease_any(pool, "r", "boot"));
}
