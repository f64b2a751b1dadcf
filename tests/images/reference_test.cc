#include "images/store/reference.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

TEST_CASE("a name of an image is taken apart") {
  struct Row {
    std::string_view text, registry, repository, tag, canonical;
  };
  constexpr Row kRows[] = {
      {"nginx", "", "nginx", "latest", "nginx:latest"},
      {"team/nginx:1.2", "", "team/nginx", "1.2", "team/nginx:1.2"},
      {"localhost/x", "localhost", "x", "latest", "localhost/x:latest"},
      {"registry.example/a/b-c__d.e", "registry.example", "a/b-c__d.e", "latest",
       "registry.example/a/b-c__d.e:latest"},
      {"R.example:5000/x:V1", "R.example:5000", "x", "V1", "R.example:5000/x:V1"},
      {"[::1]:5000/x", "[::1]:5000", "x", "latest", "[::1]:5000/x:latest"},
      {"localhost:5000/x", "localhost:5000", "x", "latest", "localhost:5000/x:latest"},
      {"docker.io/nginx", "docker.io", "library/nginx", "latest", "docker.io/library/nginx:latest"},
      {"index.docker.io/a/b", "docker.io", "a/b", "latest", "docker.io/a/b:latest"},
      {"x:5000", "", "x", "5000", "x:5000"},
  };
  for (const Row& row : kRows) {
    INFO(row.text);
    auto reference = parse_reference(row.text);
    REQUIRE(reference);
    CHECK(reference->registry == row.registry);
    CHECK(reference->repository == row.repository);
    CHECK(reference->tag == row.tag);
    CHECK(reference->text() == row.canonical);
    CHECK(parse_reference(reference->text()) == *reference);
  }
}

TEST_CASE("a name may be pinned by a digest") {
  std::string digest = cat("sha256:", std::string(64, 'a'));
  auto pinned = parse_reference(cat("r.example/x@", digest));
  REQUIRE(pinned);
  CHECK(pinned->tag.empty());
  CHECK(pinned->digest.text() == digest);
  auto both = parse_reference(cat("r.example/x:1@", digest));
  REQUIRE(both);
  CHECK(both->text() == cat("r.example/x:1@", digest));
  CHECK_FALSE(parse_reference("r.example/x@sha256:12"));
}

TEST_CASE("what is no name of an image is refused") {
  for (std::string_view bad :
       {"",         ":",      "@",          "/",      "x/",           "/x",    "x//y",
        "X",        "x:",     "x:-a",       "x y",    "a.b/",         "-x",    "x-",
        "x___y",    "x..y",   "a.b:port/x", "a.b:/x", "a.b:123456/x", ".a/x",  "a..b/x",
        "-a.b/x",   "[::1/x", "x:a/b:c d",  "../x",   "x/../y",       "a.b/X", "x\n",
        "x:latest@"}) {
    INFO(bad);
    auto reference = parse_reference(bad);
    REQUIRE_FALSE(reference);
    CHECK(reference.error().kind == Kind::kInvalid);
  }
  CHECK_FALSE(parse_reference(std::string(256, 'a')));
  CHECK(parse_reference(std::string(255, 'a')));
  CHECK_FALSE(parse_reference(cat("x:", std::string(129, 'a'))));
  CHECK_FALSE(parse_reference(std::string_view("x\0y", 3)));
}
