// What `shoji service` says and prints, on a host that is a network namespace of the test's own.
#include "cli/net/service_verbs.h"
#include "base/json.h"
#include "cli/net/verbs.h"
#include "tests/catch.h"
#include "tests/cli/printed.h"
#include "tests/images/temporary.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::cli;
using shoji::test::inside;
using shoji::test::Printed;

namespace {

struct Host {
  Temporary directory;
  UniqueFd netns = test::new_network();
  // `shoji service WORDS...`
  [[nodiscard]] Printed run(std::vector<std::string> words) const {
    std::vector<std::string> all = {"--root", directory / "root", "--run", directory / "run", "service"};
    all.insert(all.end(), words.begin(), words.end());
    return inside(netns.get(), [&] { return test::print_in(directory.path, cli::net::net_verbs(), all); });
  }
  void good(const std::vector<std::string>& words) const {
    Printed printed = run(words);
    INFO(printed.err);
    CHECK(printed.code == kExitOk);
    CHECK(printed.out.empty());
  }
  [[nodiscard]] std::string fault(const std::vector<std::string>& words, int code) const {
    Printed printed = run(words);
    CHECK(printed.code == code);
    CHECK(printed.out.empty());
    return printed.err.substr(0, printed.err.find('\n'));
  }
};

}  // namespace

TEST_CASE("services are listed, inspected and edited") {
  Host host;
  host.good({"create", "www", "80", "10.7.0.2:80", "10.7.0.3:80=2", "web9:80"});
  host.good({"create", "dns", "192.0.2.1:53/udp", "--spread", "source-hash"});
  CHECK(host.run({"ls"}).out ==
        "NAME  PORT              SPREAD       MEMBERS  HEALTHY  CONNECTIONS\n"
        "dns   192.0.2.1:53/udp  source-hash        0        0            0\n"
        "www   80/tcp            round-robin        3        2            0\n");
  CHECK(host.run({"ls", "-o", "name", "--no-heading"}).out == "dns\nwww\n");
  host.good({"weight", "www", "10.7.0.2:80=4"});
  host.good({"health", "10.7.0.3", "down"});
  CHECK(host.run({"drain", "www", "10.7.0.2:80"}).out == "0 connections left\n");
  Result<JsonDocument> json = JsonDocument::parse(host.run({"inspect", "www"}).out, "inspect");
  REQUIRE(json);
  Json members = json->root().first().find("members");
  REQUIRE(members.size() == 3);
  CHECK(*members.first().find("drained").as_bool());
  CHECK(*members.first().find("weight").as_uint64() == 4);
  CHECK_FALSE(*members.first().next().find("healthy").as_bool());
  CHECK(*members.first().next().find("slots").as_uint64() == 0);
  CHECK(members.first().next().next().find("addresses").size() == 0);
  std::string document = host.run({"inspect", "dns", "--format", "document"}).out;
  host.good({"rm", "dns"});
  host.directory.write("dns.json", document);
  host.good({"create", "--file", host.directory / "dns.json"});
  CHECK(host.run({"inspect", "dns", "--format", "document"}).out == document);
  setenv("VISUAL", "sed -i s/53/5353/", 1);
  host.good({"edit", "dns"});
  unsetenv("VISUAL");
  host.good({"edit", "www", "--port", "8080", "--spread", "source-hash"});
  CHECK(host.run({"ls", "-o", "port,spread", "--no-heading"}).out ==
        "192.0.2.1:5353/udp  source-hash\n"
        "8080/tcp            source-hash\n");
  host.good({"rm", "www", "dns"});
  CHECK(host.run({"ls", "--no-heading"}).out.empty());
}

TEST_CASE("what is wrong with the words of a service verb is said before anything happens") {
  Host host;
  CHECK(
      host.fault({"create", "www", "80", "--engine", "ipvs"}, kExitError) ==
      "shoji: service create \"www\": services are maps of nftables: IPVS is not supported as their engine");
  CHECK(host.fault({"create", "www"}, op::kExitUsage).contains("expected a name and a port, or --file"));
  CHECK(host.fault({"create", "www", "80", "web1:80=0"}, kExitError)
            .ends_with("\"0\" is not a weight between 1 and 65535"));
  CHECK(host.fault({"create", "www", "80", "web1"}, kExitError)
            .ends_with("/members/0/target: member \"web1\": \"web1\" is not HOST:PORT"));
  CHECK(host.fault({"weight", "www", "web1:80"}, kExitError).ends_with("\"web1:80\" is not MEMBER=WEIGHT"));
  CHECK(host.fault({"health", "web1", "sick"}, op::kExitUsage).contains("\"sick\" is neither up nor down"));
  CHECK(host.fault({"drain", "www", "web1:80", "--wait", "soon"}, op::kExitUsage).contains("--wait"));
  CHECK(host.fault({"ls", "-o", "colour"}, op::kExitUsage).contains("colour"));
  CHECK(host.fault({"health", "web1", "down"}, kExitError) ==
        "shoji: service health \"web1\": no service has the member \"web1\"");
  for (const char* verb : {"add", "drain", "remove"})
    CHECK(host.fault({verb, "www", "web1:80"}, kExitError).ends_with("there is no service \"www\""));
  host.good({"create", "www", "80", "web1:80"});
  CHECK(host.fault({"create", "www", "81"}, kExitError).ends_with("service \"www\" exists"));
  CHECK(
      host.fault({"create", "other", "80"}, kExitError).ends_with("port 80/tcp is taken by service \"www\""));
  CHECK(host.fault({"add", "www", "web1:80"}, kExitError).ends_with("has the member \"web1:80\" already"));
  CHECK(host.fault({"drain", "www", "web2:80"}, kExitError)
            .ends_with("service \"www\" has no member \"web2:80\""));
  CHECK(host.fault({"edit", "www", "--port", "[::1]:80"}, kExitError).contains("does not route from [::1]"));
  CHECK(host.fault({"rm", "../www"}, kExitError).contains("is not 1 to 63 of"));
}
