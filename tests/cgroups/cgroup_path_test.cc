#include "cgroups/cgroup_path.h"

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("cgroup paths are cleaned as text and cannot climb") {
  CHECK(clean_cgroup_path("/a//b/./c/") == "/a/b/c");
  CHECK(clean_cgroup_path("/../../a") == "/a");
  CHECK(clean_cgroup_path("../../a/../b") == "b");
  CHECK(clean_cgroup_path("/a/../..") == "/");
  CHECK(clean_cgroup_path("..").empty());
  CHECK(clean_cgroup_path("system.slice:shoji:web") == "system.slice:shoji:web");
}

TEST_CASE("parents and containment") {
  CHECK(parent_of("/a/b") == "/a");
  CHECK(parent_of("/a") == "/");
  CHECK(is_at_or_below("/a/b", "/a"));
  CHECK(is_at_or_below("/a", "/a"));
  CHECK(is_at_or_below("/a", "/"));
  CHECK_FALSE(is_at_or_below("/ab", "/a"));
}

TEST_CASE("the own cgroup of each hierarchy") {
  std::string_view text = "12:cpu,cpuacct:/x\n1:name=systemd:/y:z\n0::/user.slice/s\n";
  CHECK(own_cgroup(text, "cpu,cpuacct") == "/x");
  CHECK(own_cgroup(text, "name=systemd") == "/y:z");
  CHECK(own_cgroup(text, "") == "/user.slice/s");
  auto none = own_cgroup(text, "pids");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == Kind::kNotFound);
}
