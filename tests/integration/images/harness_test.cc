// The tests' own tools: images made by hand are taken by the programs of others.
#include "tests/catch.h"
#include "tests/integration/images/image_maker.h"
#include "tests/integration/images/registry.h"
#include "tests/integration/images/strangers.h"
#include "tests/integration/images/workshop.h"
#include "tests/integration/match.h"

using namespace shoji::test;

TEST_CASE("an image made by hand goes through a registry and is unpacked by umoci") {
  Workshop shop;
  Registry registry;
  Made made = make_busybox_image(shop.layout(), "paper");
  registry.push_layout(made.layout, "things/paper:1");
  CHECK(registry.count("PUT /v2/things/paper/manifests/1 201") == 1);
  CHECK(!read_text(registry.blob_file(made.layers[0])).empty());
  registry.fetch_layout("things/paper:1", shop.scratch() + "/back:1");
  must({"umoci", "unpack", "--image", shop.scratch() + "/back:1", shop.scratch() + "/bundle"});
  CHECK(read_text(shop.scratch() + "/bundle/rootfs/etc/made-of") == "paper\n");
  CHECK(shop.run_in(shop.scratch() + "/bundle/rootfs", {"/bin/busybox", "cat", "/etc/made-of"}) == "paper\n");
}

TEST_CASE("tar reads archives made by hand") {
  Workshop shop;
  std::string long_name = std::string(120, 'x');
  std::string tar =
      tar_of({directory_member("d/"), {.path = "d/" + long_name, .content = "long"}, link_member("s", "d")});
  write_text(shop.scratch() + "/a.tar", tar);
  CHECK(must({"tar", "-tf", shop.scratch() + "/a.tar"}) == "d/\nd/" + long_name + "\ns\n");
}

TEST_CASE("a registry with a password and a certificate of its own") {
  Workshop shop;
  Registry registry({.login = true, .tls = true});
  Made made = make_busybox_image(shop.layout());
  registry.push_layout(made.layout, "secret:1");
  CHECK(must({"curl", "-sS", "--cacert", registry.ca_file(), "-u",
              std::string(Registry::kUser) + ":" + Registry::kPassword,
              "https://" + registry.address() + "/v2/_catalog"}) == "{\"repositories\":[\"secret\"]}\n");
}
