// Snapshots, rollback, clones, differences and commits of roots.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

// A root of a busybox image, mounted: where.
std::string make_root(const Workshop& shop, const std::string& name) {
  if (shop.must({"images", "-q"}).empty()) {
    write_text(shop.scratch() + "/box.tar", tar_of(busybox_members()));
    shop.must({"image", "import", "-q", shop.scratch() + "/box.tar", "box:1"});
  }
  return shop.must({"root", "create", "--mount", "box:1", name});
}

}  // namespace

TEST_CASE("a root is what it was at its snapshot after a rollback", "[mounts]") {
  Workshop shop;
  std::string place = make_root(shop, "web");
  write_text(place + "/etc/text", "one");
  shop.must({"root", "umount", "web"});
  shop.must({"root", "snapshot", "web", "first"});
  shop.must({"root", "mount", "web"});
  write_text(place + "/etc/text", "two");
  std::filesystem::remove(place + "/bin/sh");
  shop.must({"root", "umount", "web"});
  shop.must({"root", "snapshot", "web", "second"});
  CHECK(shop.must({"root", "snapshots", "-o", "name", "--no-heading", "web"}) == "first\nsecond");
  shop.must({"root", "rollback", "web", "first"});
  shop.must({"root", "mount", "web"});
  CHECK(read_text(place + "/etc/text") == "one");
  CHECK(std::filesystem::exists(place + "/bin/busybox"));
  CHECK(shop.refused({"root", "rollback", "web", "first"}) == containing("mounted"));
  shop.must({"root", "umount", "web"});
  CHECK(shop.refused({"root", "rollback", "web", "third"}) == containing("third"));
  CHECK(shop.refused({"root", "snapshot", "nosuch", "x"}) == containing("shoji: root snapshot \"nosuch\": "));
  shop.must({"root", "snapshot", "-d", "web", "first"});
  CHECK(shop.must({"root", "snapshots", "-o", "name", "--no-heading", "web"}) == "second");
  shop.must({"root", "rm", "web"});
}

TEST_CASE("a clone starts where the root is, and goes its own way", "[mounts]") {
  Workshop shop;
  std::string place = make_root(shop, "web");
  write_text(place + "/etc/text", "one");
  shop.must({"root", "umount", "web"});
  CHECK(shop.must({"root", "clone", "web", "copy"}) == "copy");
  std::string copy = shop.must({"root", "mount", "copy"});
  CHECK(read_text(copy + "/etc/text") == "one");
  write_text(copy + "/etc/text", "two");
  shop.must({"root", "mount", "web"});
  CHECK(read_text(place + "/etc/text") == "one");
  CHECK(shop.refused({"root", "clone", "web", "copy"}) == containing("copy"));
  shop.must({"root", "rm", "-f", "web"});
  CHECK(read_text(copy + "/etc/text") == "two");
  shop.must({"root", "rm", "-f", "copy"});
}

TEST_CASE("what a root changed is listed, and committed to an image that others run", "[mounts]") {
  Workshop shop;
  Registry registry;
  std::string place = make_root(shop, "web");
  write_text(place + "/etc/made-of", "changes\n");
  std::filesystem::remove(place + "/bin/sh");
  CHECK(shop.must({"root", "diff", "web", "-f", "kind!=C"}) == "D  /bin/sh\nA  /etc/made-of");
  std::string id =
      shop.must({"root", "commit", "-q", "-a", "me", "-m", "changed", "-c", "USER 7", "web", "new:1"});
  CHECK(shop.must({"images", "-q", "--no-trunc", "-f", "name=localhost/new:1"}) == id);
  CHECK(shop.must({"inspect", "-o", "user,author", "--no-heading", "new:1"}) == "7  me");
  CHECK(shop.must({"image", "diff", "-f", "kind!=C", "box:1", "new:1"}) == "D  /bin/sh\nA  /etc/made-of");
  shop.must({"push", "-q", "--tls-verify=false", "--compression-format", "gzip", "--force-compression",
             "new:1", registry.address() + "/new:1"});
  registry.fetch_layout("new:1", shop.scratch() + "/back:1");
  must({"umoci", "unpack", "--image", shop.scratch() + "/back:1", shop.scratch() + "/bundle"});
  CHECK(read_text(shop.scratch() + "/bundle/rootfs/etc/made-of") == "changes\n");
  CHECK_FALSE(std::filesystem::exists(shop.scratch() + "/bundle/rootfs/bin/sh"));
  shop.must({"root", "rm", "-f", "web"});
  CHECK(shop.refused({"root", "commit", "web", "x:1"}) == containing("web"));
  CHECK(shop.refused({"root", "commit", "web", "X:1"}, 2) == containing("shoji: root commit: "));
}
