// template: images from packages, by way of what comes with Shoji.
#include "tests/catch.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

TEST_CASE("templates that come with Shoji are listed and shown") {
  Workshop shop;
  std::string names = "\n" + shop.must({"template", "ls", "-o", "name", "--no-heading"}) + "\n";
  for (const char* name : {"busybox", "debian", "nginx"})
    CHECK(names == containing(std::string("\n") + name + "\n"));
  CHECK(is_json(shop.must({"template", "show", "nginx"})));
  CHECK(json_at(shop.must({"template", "ls", "--format", "json", "-f", "name=nginx"}), "/0/path")
            .ends_with("nginx.json"));
  CHECK(shop.refused({"template", "show", "nosuch"}) == containing("there is no template \"nosuch\""));
  CHECK(shop.refused({"template", "build", "-t", "UPPER", "busybox"}, 2) ==
        containing("shoji: template build: "));
  write_text(shop.scratch() + "/bad.json", R"({"packages": [7]})");
  CHECK(shop.refused({"template", "build", shop.scratch() + "/bad.json"}) == containing("/packages/0"));
}
