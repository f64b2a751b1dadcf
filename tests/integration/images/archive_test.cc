// load, save and import, held against skopeo and umoci.
#include <filesystem>

#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"
#include "tests/integration/sandbox.h"

using namespace shoji::test;

namespace {

std::string unpacked(const Workshop& shop, const std::string& layout, const std::string& path) {
  std::string bundle = shop.scratch() + "/bundle";
  std::filesystem::remove_all(bundle);
  must({"umoci", "unpack", "--image", layout, bundle});
  return read_text(bundle + "/rootfs/" + path);
}

}  // namespace

TEST_CASE("an image goes through every archive format and back") {
  Workshop shop;
  Made made = make_busybox_image(shop.layout(), "paper");
  must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
        "oci-archive:" + shop.scratch() + "/in.tar:example.net/paper:1"});
  CHECK(shop.must({"load", "-q", "-i", shop.scratch() + "/in.tar"}) == "example.net/paper:1");
  struct Format {
    std::string name, skopeo;
  };
  for (const Format& format : {Format{"oci-archive", "oci-archive:"},
                               Format{"docker-archive", "docker-archive:"}, Format{"oci-dir", "oci:"}}) {
    INFO(format.name);
    std::string out = shop.scratch() + "/" + format.name;
    shop.must({"save", "-q", "--format", format.name, "-o", out, "example.net/paper:1"});
    std::string back = shop.scratch() + "/" + format.name + ".layout:1";
    must({"skopeo", "copy", "-q", "--insecure-policy", format.skopeo + out, "oci:" + back});
    CHECK(unpacked(shop, back, "etc/made-of") == "paper\n");
    Workshop other;
    other.must({"load", "-q", "-i", out});
    CHECK(other.must({"images", "-q", "--no-trunc"}) == made.config);
  }
}

TEST_CASE("load reads standard input, and save writes standard output") {
  Workshop shop;
  Made made = make_busybox_image(shop.layout());
  must({"skopeo", "copy", "-q", "--insecure-policy", "oci:" + made.layout,
        "docker-archive:" + shop.scratch() + "/in.tar:paper:1"});
  Command load = shop.command({"load"});
  load.input = read_text(shop.scratch() + "/in.tar");
  Finished loaded = run_command(load, 60);
  INFO(loaded.err);
  REQUIRE(loaded.code == 0);
  CHECK(loaded.out == "Loaded image: docker.io/library/paper:1\n");
  Finished saved = shop.shoji({"save", "-q", "docker.io/library/paper:1"});
  REQUIRE(saved.code == 0);
  CHECK(saved.err == "");
  write_text(shop.scratch() + "/out.tar", saved.out);
  CHECK(must({"skopeo", "inspect", "--config", "--raw", "oci-archive:" + shop.scratch() + "/out.tar"})
            .find("\"/bin/sh\"") != std::string::npos);
}

TEST_CASE("a root filesystem is imported from a directory and from a tar, with changes") {
  Workshop shop;
  write_text(shop.scratch() + "/root.tar", tar_of(busybox_members()));
  std::filesystem::create_directories(shop.scratch() + "/tree/etc");
  write_text(shop.scratch() + "/tree/etc/hello", "hello\n");
  shop.must({"image", "import", "-q", "-c", "CMD [\"/bin/sh\"]", "-c", "ENV A=b", "-m", "by hand",
             shop.scratch() + "/root.tar", "box:1"});
  shop.must({"image", "import", "-q", shop.scratch() + "/tree", "tree:1"});
  CHECK(shop.must({"inspect", "-o", "cmd,env", "--no-heading", "box:1"}) == "/bin/sh  A=b");
  CHECK(shop.must({"history", "-o", "comment", "--no-heading", "box:1"}) == "by hand");
  shop.must({"save", "-q", "--format", "docker-archive", "-o", shop.scratch() + "/tree.tar", "tree:1"});
  must({"skopeo", "copy", "-q", "--insecure-policy", "docker-archive:" + shop.scratch() + "/tree.tar",
        "oci:" + shop.scratch() + "/back:1"});
  CHECK(unpacked(shop, shop.scratch() + "/back:1", "etc/hello") == "hello\n");
}

TEST_CASE("archives that are none, and images that are not there, are refused in a sentence") {
  Workshop shop;
  write_text(shop.scratch() + "/text", "this is no archive\n");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"load", "-i", shop.scratch() + "/text"},
           {"load", "-i", shop.scratch() + "/nothing"},
           {"image", "import", "-c", "COOK well", shop.scratch() + "/text", "x:1"},
           {"image", "import", shop.scratch() + "/text", "x:1"}}) {
    Finished done = shop.shoji(words);
    INFO(done.err);
    CHECK(done.code == 1);
    CHECK(one_sentence({.out = "", .err = done.err.substr(done.err.find("shoji: "))}));
    CHECK(done.out == "");
  }
  CHECK(shop.refused({"save", "-o", shop.scratch() + "/out", "nosuch"}) == containing("nosuch"));
  CHECK_FALSE(std::filesystem::exists(shop.scratch() + "/out"));
  CHECK(shop.refused({"save", "--format", "zip", "x"}, 2) == containing("is none of oci-archive"));
  CHECK(shop.refused({"save", "--format", "oci-dir", "x"}, 2) == containing("needs a directory"));
  CHECK(shop.refused({"image", "import", "x", "UPPER:1"}, 2) == containing("shoji: image import: "));
  CHECK(shop.must({"images", "-q"}) == "");
}
