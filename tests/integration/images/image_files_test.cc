// The files of images: mounted, compared, counted, unified.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

void import_members(const Workshop& shop, const std::string& name, const std::vector<Member>& members) {
  write_text(shop.scratch() + "/image.tar", tar_of(members));
  shop.must({"image", "import", "-q", shop.scratch() + "/image.tar", name});
}

const std::string kLarge(1 << 20, 'x');

}  // namespace

TEST_CASE("an image is mounted read-only where it is asked for, and listed", "[mounts]") {
  Workshop shop;
  import_members(shop, "a:1", {{.path = "file", .content = "paper"}});
  std::string place = shop.scratch() + "/place";
  std::filesystem::create_directory(place);
  CHECK(shop.must({"image", "mount", "a:1", place}) == place);
  CHECK(read_text(place + "/file") == "paper");
  CHECK(std::filesystem::status(place + "/file").type() == std::filesystem::file_type::regular);
  write_text(place + "/file", "pebble");
  CHECK(read_text(place + "/file") == "paper");
  CHECK(shop.must({"image", "mount", "-o", "mounted", "--no-heading"}) == containing(place));
  shop.must({"image", "umount", place});
  CHECK_FALSE(std::filesystem::exists(place + "/file"));
  std::string own = shop.must({"image", "mount", "a:1"});
  CHECK(read_text(own + "/file") == "paper");
  shop.must({"image", "umount", "a:1"});
  CHECK_FALSE(std::filesystem::exists(own));
  CHECK(shop.refused({"image", "umount", "a:1"}) == containing("no image is mounted there"));
  CHECK(shop.refused({"image", "mount", "nosuch"}) == containing("shoji: image mount \"nosuch\": "));
}

TEST_CASE("the differences of two images, in the order of paths", "[mounts]") {
  Workshop shop;
  import_members(shop, "a:1",
                 {directory_member("d/"),
                  {.path = "d/gone", .content = "1"},
                  {.path = "d/same", .content = "1"},
                  {.path = "mode", .content = "1"},
                  {.path = "text", .content = "one"},
                  {.path = "touched", .content = "1"},
                  link_member("link", "a"),
                  directory_member("was-dir/"),
                  {.path = "was-dir/x", .content = "1"}});
  import_members(shop, "b:1",
                 {directory_member("d/"),
                  directory_member("d/new/"),
                  {.path = "d/new/file", .content = "1"},
                  {.path = "d/same", .content = "1"},
                  {.path = "mode", .content = "1", .mode = 0600},
                  {.path = "text", .content = "two"},
                  {.path = "touched", .content = "1", .mtime = 1},
                  link_member("link", "b"),
                  {.path = "was-dir", .content = "1"}});
  CHECK(shop.must({"image", "diff", "-f", "path!=/d", "a:1", "b:1"}) ==
        "D  /d/gone\nA  /d/new\nA  /d/new/file\nC  /link\nC  /mode\nC  /text\nC  /touched\nC  /was-dir");
  CHECK(shop.must({"image", "diff", "a:1", "a:1"}) == "");
  CHECK(json_at(shop.must({"image", "diff", "--format", "json", "a:1", "b:1"}), "/0/kind") == "D");
}

TEST_CASE("du says what images share, and what removing one frees", "[mounts]") {
  for (const std::string& format : {std::string("tree"), std::string("auto")}) {
    INFO(format);
    Workshop shop;
    shop.set("/format", "\"" + format + "\"");
    import_members(shop, "a:1", {{.path = "large", .content = kLarge}});
    import_members(shop, "b:1",
                   {{.path = "large", .content = kLarge}, {.path = "more", .content = kLarge + "y"}});
    std::string json = shop.must({"image", "du", "--format", "json"});
    CHECK(json_at(json, "/0/names/0") == "localhost/a:1");
    CHECK(std::stoull(json_at(json, "/0/shared")) >= kLarge.size());
    CHECK(std::stoull(json_at(json, "/0/unique")) < kLarge.size());
    CHECK(std::stoull(json_at(json, "/1/unique")) >= kLarge.size());
    CHECK(shop.must({"image", "du"}) == containing(" if nothing was shared: "));
    CHECK(shop.must({"image", "unify"}) == containing(" freed"));
    CHECK(shop.must({"image", "verify"}) == containing("all is as it should be"));
  }
}
