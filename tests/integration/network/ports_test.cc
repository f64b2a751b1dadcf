// A port of the host that is taken already: by whom.
#include "tests/catch.h"
#include "tests/integration/match.h"
#include "tests/integration/network/farm.h"

using namespace shoji::test;

TEST_CASE("a port taken by a partition, a service or a program of the host is refused with who has it") {
  Farm farm;
  farm.add("web1", {"-p", "8080:80", "-p", "192.0.2.1:9000:80"});
  farm.host.must({"service", "create", "site", "9090", "web1:80"});
  Server program(farm.host.netns(), "program", {"7070", "5353/udp"});
  std::string before = farm.host.leftovers();

  auto refused = [&](const std::string& port) {
    std::string said = farm.host.refused({"network", "attach", "--make", "-p", port, "web2", "farm"});
    CHECK(farm.host.changes_since(before) == "");
    return said;
  };
  CHECK(refused("8080:81") == containing("partition \"web1\""));
  CHECK(refused("8070-8085:1070-1085") == containing("partition \"web1\""));
  CHECK(refused("192.0.2.1:9000:81") == containing("partition \"web1\""));
  CHECK(refused("9090:80") == containing("service \"site\""));
  std::string said = refused("7070:80");
  CHECK(said == containing("test_server"));
  CHECK(said == containing("(pid "));
  CHECK(refused("5353:53/udp") == containing("test_server"));
  said = farm.host.refused({"service", "create", "other", "8080", "web1:80"});
  CHECK(said == containing("partition \"web1\""));

  // Another protocol, and the named address before every address.
  farm.add("web2", {"-p", "8080:53/udp", "-p", "127.0.0.1:8080:80"});
  CHECK(ask(farm.host.outside(), kHost4, 8080) == "web1 192.0.2.9");
  CHECK(ask_udp(farm.host.outside(), kHost4, 8080) == "web2 192.0.2.9");
  CHECK(ask(farm.host.netns(), "127.0.0.1", 8080) == containing("web2 "));
  // What web1 gives back, web3 may have.
  farm.stop("web1");
  farm.host.must({"network", "detach", "web1", "farm"});
  farm.add("web3", {"-p", "8080:80"});
  CHECK(ask(farm.host.outside(), kHost4, 8080) == "web3 192.0.2.9");
}
