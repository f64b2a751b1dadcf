// Roots: from an image to a mounted directory that a program runs in.
#include <sys/stat.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

namespace {

// box:1 with a root that runs programs.
void import_box(const Workshop& shop) {
  write_text(shop.scratch() + "/box.tar", tar_of(busybox_members()));
  shop.must({"image", "import", "-q", shop.scratch() + "/box.tar", "box:1"});
}

bool is_mounted(const std::string& path) {
  return read_text("/proc/self/mountinfo").find(" " + path + " ") != std::string::npos;
}

}  // namespace

TEST_CASE("from a registry to a running program in two verbs", "[mounts]") {
  Workshop shop;
  Registry registry;
  shop.set("/registries", "{\"" + registry.address() + "\": {\"insecure\": true}}");
  Made made = make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "paper:1");
  CHECK(shop.must({"root", "create", registry.address() + "/paper:1", "web"}) == "web");
  std::string place = shop.must({"root", "mount", "web"});
  CHECK(is_mounted(place));
  CHECK(
      shop.run_in(place, {"/bin/sh", "-c", "cat /etc/made-of; echo more >>/etc/made-of; cat /etc/made-of"}) ==
      "paper\npaper\nmore\n");
  CHECK(read_text(place + "/etc/made-of") == "paper\nmore\n");
  shop.must({"root", "umount", "web"});
  CHECK_FALSE(is_mounted(place));
  std::string elsewhere = shop.scratch() + "/elsewhere";
  std::filesystem::create_directory(elsewhere);
  CHECK(shop.must({"root", "mount", "web", elsewhere}) == elsewhere);
  CHECK(read_text(elsewhere + "/etc/made-of") == "paper\nmore\n");
  shop.must({"root", "umount", "web"});
  shop.must({"root", "rm", "web"});
  CHECK(shop.must({"root", "ls", "--no-heading"}) == "");
}

TEST_CASE("roots of one image do not see each other's files, and are listed", "[mounts]") {
  Workshop shop;
  import_box(shop);
  std::string a = shop.must({"root", "create", "--mount", "box:1", "a"});
  std::string b = shop.must({"root", "create", "--mount", "box:1", "b"});
  write_text(a + "/etc/a", "a");
  CHECK_FALSE(std::filesystem::exists(b + "/etc/a"));
  CHECK(shop.must({"root", "ls", "-o", "name,image,mounted", "--no-heading"}) ==
        "a  box:1  " + a + "\nb  box:1  " + b);
  CHECK(json_at(shop.must({"root", "inspect", "a"}), "/0/mounted") == a);
  CHECK(shop.refused({"root", "rm", "a"}) == containing("mounted on \"" + a + "\": unmount it, or say -f"));
  shop.must({"root", "rm", "-f", "a", "b", "never-there"});
  CHECK_FALSE(is_mounted(a));
}

TEST_CASE("a read-only root cannot be written, and a volatile one forgets", "[mounts]") {
  Workshop shop;
  import_box(shop);
  std::string fixed = shop.must({"root", "create", "--read-only", "--mount", "box:1", "fixed"});
  CHECK(shop.run_in(fixed, {"/bin/sh", "-c", "echo x >/etc/x"}) == containing("Read-only file system"));
  std::string fleeting = shop.must({"root", "create", "--volatile", "--mount", "box:1", "fleeting"});
  write_text(fleeting + "/etc/x", "x");
  shop.must({"root", "umount", "fleeting"});
  shop.must({"root", "mount", "fleeting"});
  CHECK_FALSE(std::filesystem::exists(fleeting + "/etc/x"));
  shop.must({"root", "rm", "-f", "fixed", "fleeting"});
}

TEST_CASE("a mounted root appears shifted, and nothing is changed on disk", "[mounts]") {
  Workshop shop;
  import_box(shop);
  shop.must({"root", "create", "box:1", "web"});
  std::string place = shop.must({"root", "mount", "--uidmap", "0:100000:65536", "web"});
  struct stat s{};
  REQUIRE(stat((place + "/bin/busybox").c_str(), &s) == 0);
  CHECK(s.st_uid == 100000);
  CHECK(s.st_gid == 100000);
  shop.must({"root", "umount", "web"});
  shop.must({"root", "mount", "web"});
  REQUIRE(stat((place + "/bin/busybox").c_str(), &s) == 0);
  CHECK(s.st_uid == 0);
  shop.must({"root", "rm", "-f", "web"});
}

TEST_CASE("a root with a limit is full when it is reached, and the limit moves while it is used",
          "[mounts]") {
  Workshop shop;
  import_box(shop);
  std::string place = shop.must({"root", "create", "--disk", "24M", "--mount", "box:1", "web"});
  auto write = [&](const std::string& megabytes) {
    return tried({"dd", "if=/dev/zero", "of=" + place + "/big", "bs=1M", "count=" + megabytes});
  };
  CHECK(write("8").code == 0);
  CHECK(write("40").err == containing("No space left on device"));
  CHECK(shop.must({"root", "quota", "--disk", "64M", "web"}) == containing("64 MiB"));
  CHECK(write("40").code == 0);
  CHECK(shop.refused({"root", "quota", "--disk", "10M", "web"}) == containing("it holds 4"));
  CHECK(shop.must({"root", "ls", "-o", "limit", "--no-heading"}) == "64 MiB");
  shop.must({"root", "create", "box:1", "free"});
  CHECK(shop.refused({"root", "quota", "--disk", "1G", "free"}) == containing("made without a limit"));
  shop.must({"root", "rm", "-f", "web", "free"});
}

TEST_CASE("an image that a root uses stays usable when its name goes", "[mounts]") {
  Workshop shop;
  import_box(shop);
  shop.must({"root", "create", "box:1", "web"});
  shop.must({"image", "rm", "box:1"});
  shop.must({"image", "prune", "-af"});
  std::string place = shop.must({"root", "mount", "web"});
  CHECK(shop.run_in(place, {"/bin/busybox", "echo", "still here"}) == "still here\n");
  shop.must({"root", "rm", "-f", "web"});
  shop.must({"image", "prune", "-af"});
  CHECK(shop.must({"image", "verify"}) == "0 blobs, 0 layers, 0 objects: all is as it should be");
}

TEST_CASE("wrong words about roots are refused in a sentence", "[mounts]") {
  Workshop shop;
  import_box(shop);
  CHECK(shop.refused({"root", "create", "--pull", "never", "nosuch", "web"}) == containing("nosuch"));
  CHECK(shop.refused({"root", "create", "--pull", "maybe", "box:1", "web"}, 2) ==
        containing("is none of missing"));
  CHECK(shop.refused({"root", "create", "--disk", "much", "box:1", "web"}, 2) ==
        containing("--disk: \"much\""));
  CHECK(shop.refused({"root", "create", "--read-only", "--volatile", "box:1", "web"}, 2) ==
        containing("exclude each other"));
  CHECK(shop.refused({"root", "create", "box:1", "../x"}) == containing("../x"));
  CHECK(shop.refused({"root", "mount", "--uidmap", "0:1", "web"}, 2) ==
        containing("\"0:1\" is not INSIDE:OUTSIDE:COUNT"));
  CHECK(shop.refused({"root", "mount", "web"}) == containing("shoji: root mount \"web\": "));
  CHECK(shop.refused({"root", "umount", "web"}) == containing("shoji: root umount: \"web\": "));
  shop.must({"root", "create", "box:1", "web"});
  CHECK(shop.refused({"root", "create", "box:1", "web"}) == containing("web"));
  CHECK(shop.refused({"root", "mount", "web", shop.scratch() + "/nowhere"}) == containing("No such file"));
  shop.must({"root", "rm", "web"});
  CHECK(shop.refused({"root", "rm", "web"}) == containing("there is no root \"web\""));
}

TEST_CASE("an image that has a layer twice is mounted, in both formats", "[mounts]") {
  for (const std::string& format : {std::string("tree"), std::string("auto")}) {
    INFO(format);
    Workshop shop;
    shop.set("/format", "\"" + format + "\"");
    std::string one = tar_of({{.path = "a", .content = "one"}});
    Made made = make_image(shop.layout(),
                           {.layers = {one, tar_of({{.path = ".wh.a"}}), one, tar_of({}), tar_of({})}});
    must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
          "oci-archive:" + shop.scratch() + "/in.tar:example.net/twice:1"});
    shop.must({"load", "-q", "-i", shop.scratch() + "/in.tar"});
    std::string place = shop.must({"root", "create", "--mount", "example.net/twice:1", "twice"});
    CHECK(read_text(place + "/a") == "one");
    shop.must({"root", "rm", "-f", "twice"});
  }
}
