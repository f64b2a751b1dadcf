// A whole partition: shoji attaches a network namespace, shoji-oci runs a container in it.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/peers.h"
#include "tests/integration/network/private_host.h"
#include "tests/integration/sandbox.h"
#include "tests/integration/wait.h"

using namespace shoji::test;

TEST_CASE("a container in a pinned namespace answers on its published port, and nothing of it remains") {
  PrivateHost host;
  host.must({"network", "create", "--subnet", "10.7.0.0/24", "--subnet", "fd07::/64", "farm"});
  host.must({"network", "attach", "--make", "-p", "8080:80", "web1", "farm"});
  {
    Sandbox box;
    box.bundle.file("bin/server", read_text(server_program()), 0755).args({"/bin/server", "web1", "80"});
    box.bundle.drop_namespace("network").add(
        "/linux/namespaces", R"({"type": "network", "path": )" + json_string(host.pin("web1")) + "}");
    box.launch();
    REQUIRE(box.prints("ready"));
    CHECK(curl(host.outside(), url_of(kHost4, 8080)) == "web1 192.0.2.9");
    CHECK(curl(host.outside(), url_of(kHost6, 8080)) == "web1 2001:db8::9");
    CHECK(curl(host.netns(), url_of("127.0.0.1", 8080)) == containing("web1 "));
    // A second run finds the address where it was.
    CHECK(box.kill("KILL").code == 0);
    CHECK(box.becomes("stopped"));
    CHECK(box.remove().code == 0);
    CHECK(curl(host.outside(), url_of(kHost4, 8080)) == "curl: exit 7");
    box.launch();
    REQUIRE(box.prints("ready"));
    CHECK(curl(host.outside(), url_of(kHost4, 8080)) == "web1 192.0.2.9");
  }
  host.must({"network", "release", "web1"});
  host.must({"network", "rm", "farm"});
  CHECK(eventually([&] { return host.leftovers().empty(); }));
}
