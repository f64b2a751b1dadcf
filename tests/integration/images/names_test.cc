// Names of images in the store: listing, tagging, removing, pruning.
#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

// An image of one small file in the store, by name.
void add_image(const Workshop& shop, const std::string& name, const std::string& text) {
  write_text(shop.scratch() + "/one.tar", tar_of({{.path = "file", .content = text}}));
  shop.must({"image", "import", "-q", shop.scratch() + "/one.tar", name});
}

}  // namespace

TEST_CASE("a store that is not there yet has no images") {
  Workshop shop;
  CHECK(shop.must({"images", "--no-heading"}) == "");
  CHECK(shop.must({"image", "ls", "--format", "json"}) == "[]");
  CHECK(shop.refused({"inspect", "x"}).starts_with("shoji: inspect: "));
}

TEST_CASE("listings choose, sort and filter") {
  Workshop shop;
  add_image(shop, "example.net/b:1", "one");
  add_image(shop, "example.net/a:2", std::string(100000, 'x'));
  CHECK(shop.must({"images", "-o", "name", "--no-heading"}) == "example.net/a:2\nexample.net/b:1");
  CHECK(shop.must({"images", "-o", "tag", "--sort", "-tag", "--no-heading"}) == "2\n1");
  CHECK(shop.must({"images", "-o", "repository", "-f", "tag=1", "--no-heading"}) == "example.net/b");
  CHECK(shop.must({"images", "-o", "name", "--no-heading", "example.net/a*"}) == "example.net/a:2");
  CHECK(json_at(shop.must({"images", "--format", "json"}), "/0/name") == "example.net/a:2");
  CHECK(shop.must({"images", "--digests"}) == containing("sha256:"));
  CHECK(shop.refused({"images", "-o", "colour"}, 2) ==
        containing("there is no field \"colour\", but name, id"));
}

TEST_CASE("tags name the same image, and go one by one") {
  Workshop shop;
  add_image(shop, "example.net/a:1", "one");
  std::string id = shop.must({"images", "-q", "--no-trunc"});
  shop.must({"tag", "example.net/a:1", "other:2", "example.net/c:3"});
  CHECK(shop.must({"images", "-o", "name", "--no-heading"}) ==
        "example.net/a:1\nexample.net/c:3\nlocalhost/other:2");
  CHECK(shop.must({"inspect", "-o", "names", "--no-heading", "other:2"}) ==
        "example.net/a:1, example.net/c:3, localhost/other:2");
  CHECK(shop.must({"image", "rm", "other:2"}) == "Untagged: localhost/other:2");
  CHECK(shop.refused({"image", "rm", id}) ==
        containing("it has the names example.net/a:1, example.net/c:3: -f removes all of them"));
  CHECK(shop.must({"image", "rm", "-f", id}) == containing("Untagged: example.net/c:3\nFreed "));
  CHECK(shop.must({"images", "-q"}) == "");
  CHECK(shop.must({"image", "verify"}) == "0 blobs, 0 layers, 0 objects: all is as it should be");
}

TEST_CASE("an image that is not there: said for each, and fine with --ignore") {
  Workshop shop;
  add_image(shop, "example.net/a:1", "one");
  Finished done = shop.shoji({"image", "rm", "nosuch", "example.net/a:1"});
  CHECK(done.code == 1);
  CHECK(done.err == containing("shoji: image rm \"nosuch\": "));
  CHECK(done.out == containing("Untagged: example.net/a:1"));
  CHECK(shop.must({"image", "rm", "-i", "nosuch"}) == "");
  CHECK(shop.refused({"tag", "nosuch", "x:1"}) == containing("shoji: tag \"nosuch\": "));
  CHECK(shop.refused({"tag", "a", "Upper"}, 2) == containing("shoji: tag: "));
  CHECK(shop.refused({"history", "nosuch"}) == containing("shoji: history \"nosuch\": "));
}

TEST_CASE("prune takes what no name leads to, and with -a every image that no root uses") {
  Workshop shop;
  add_image(shop, "example.net/a:1", "one");
  add_image(shop, "example.net/a:1", "two");  // the first one has no name any more
  CHECK(shop.must({"image", "prune", "--dry-run"}).starts_with("Would free "));
  std::string before = shop.must({"image", "verify"});
  CHECK(shop.must({"image", "prune"}).starts_with("Freed "));
  CHECK(shop.must({"image", "verify"}) != before);
  CHECK(shop.must({"image", "prune"}) == "Nothing to remove");
  CHECK(shop.refused({"image", "prune", "-a"}) == containing("say --force"));
  CHECK(shop.must({"images", "-o", "name", "--no-heading"}) == "example.net/a:1");
  CHECK(json_at(shop.must({"image", "prune", "-af", "--format", "json"}), "/names/0") == "example.net/a:1");
  CHECK(shop.must({"images", "-q"}) == "");
}

TEST_CASE("wrong words are wrong usage, with a hint") {
  Workshop shop;
  CHECK(shop.refused({"pul"}, 2) == "shoji: unknown command \"pul\"; shoji --help lists them\n");
  CHECK(shop.refused({"image", "lss"}, 2) ==
        "shoji: unknown command \"image lss\"; shoji image --help lists them\n");
  CHECK(shop.refused({"images", "--colour"}, 2) ==
        "shoji: images: unknown option \"--colour\"\nhint: shoji images --help\n");
  CHECK(shop.refused({"inspect"}, 2) == containing("takes at least 1 argument, got 0"));
  Finished relative = run_command({.argv = {shoji_program(), "--store", "here", "images"}});
  CHECK(relative.code == 2);
  CHECK(relative.err == "shoji: --store \"here\" is not an absolute path\n");
  CHECK(shop.must({"help", "image", "ls"}) == shop.must({"image", "ls", "--help"}));
}
