#include "netsetup/ports/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "tests/catch.h"
#include "tests/netsetup/namespaces.h"

using namespace shoji;
using namespace shoji::net;
using shoji::test::inside;
using shoji::test::new_network;

namespace {

const std::vector<Family> kBoth = {Family::kIpv4, Family::kIpv6};

struct Run {
  std::string path;
  UniqueFd netns = new_network();
  Run() {
    char name[] = "/tmp/shoji-ports.XXXXXX";
    path = mkdtemp(name);
  }
  ~Run() { ignore(remove_tree(path), "a test's directory"); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Claims in the namespace: "" or the sentence.
  std::string claim(const std::string& holder, const std::vector<std::string>& ports,
                    const std::vector<Family>& families = kBoth) {
    return inside(netns.get(), [&] {
      Result<> claimed = claim_ports(path, holder, parse(ports), families);
      if (!claimed) CHECK(claimed.error().kind == Kind::kExists);
      return claimed ? std::string() : claimed.error().text;
    });
  }
  static std::vector<PublishedPort> parse(const std::vector<std::string>& ports) {
    std::vector<PublishedPort> out;
    for (const std::string& port : ports) out.push_back(*parse_published_port(port));
    return out;
  }
  std::vector<std::string> list() {
    std::vector<std::string> out;
    Result<std::vector<PortClaim>> claims = list_ports(path);
    REQUIRE(claims);
    for (const PortClaim& claim : *claims)
      out.push_back(cat(claim.port.host ? claim.port.host->text() : "any", ' ', claim.port.port, '/',
                        protocol_name(claim.port.protocol), ' ', claim.holder));
    return out;
  }
};

UniqueFd bound(int netns, int type, const char* address, int port) {
  return inside(netns, [&] {
    bool ipv6 = std::string_view(address).find(':') != std::string_view::npos;
    UniqueFd out(socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    six.sin6_port = four.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(ipv6 ? AF_INET6 : AF_INET, address,
              ipv6 ? static_cast<void*>(&six.sin6_addr) : static_cast<void*>(&four.sin_addr));
    int status = ipv6 ? bind(out.get(), reinterpret_cast<sockaddr*>(&six), sizeof six)
                      : bind(out.get(), reinterpret_cast<sockaddr*>(&four), sizeof four);
    REQUIRE(status == 0);
    if (type == SOCK_STREAM) REQUIRE(listen(out.get(), 1) == 0);
    return out;
  });
}

}  // namespace

TEST_CASE("a port has one holder, whom the next one is told of") {
  Run run;
  CHECK(run.claim("partition \"web1\"", {"8080:80", "53:53/udp", "192.0.2.1:8080:81"}).empty());
  CHECK(run.claim("partition \"web2\"", {"9000:80", "8080:80"}) ==
        "port 8080/tcp is taken by partition \"web1\"");
  CHECK(run.claim("partition \"web2\"", {"192.0.2.1:8080:80"}) ==
        "port 8080/tcp of 192.0.2.1 is taken by partition \"web1\"");
  // What web2 asked for as a whole is nobody's; another protocol and another address are other ports.
  CHECK(run.claim("service \"www\"", {"9000:80", "53:53", "192.0.2.2:8080:80"}).empty());
  CHECK(run.claim("partition \"web1\"", {"8080:80"}).empty());  // its own
  CHECK(run.list() ==
        std::vector<std::string>{"any 53/tcp service \"www\"", "any 53/udp partition \"web1\"",
                                 "any 8080/tcp partition \"web1\"", "192.0.2.1 8080/tcp partition \"web1\"",
                                 "192.0.2.2 8080/tcp service \"www\"", "any 9000/tcp service \"www\""});
}

TEST_CASE("released are the holder's own ports") {
  Run run;
  CHECK(run.claim("a", {"8080:80", "[fd00::1]:443:443"}).empty());
  CHECK(run.claim("b", {"8081:80"}).empty());
  REQUIRE(release_ports(run.path, "b", Run::parse({"8080:80", "8081:80"})));
  REQUIRE(release_ports(run.path, "b", Run::parse({"8081:80"})));
  CHECK(run.list() == std::vector<std::string>{"fd00::1 443/tcp a", "any 8080/tcp a"});
}

TEST_CASE("a process that listens on the port is named") {
  Run run;
  std::string me = cat(" is taken by process \"unit_tests\" (pid ", getpid(), ')');
  UniqueFd any = bound(run.netns.get(), SOCK_STREAM, "0.0.0.0", 8080);
  UniqueFd dual = bound(run.netns.get(), SOCK_STREAM, "::", 8081);
  UniqueFd local = bound(run.netns.get(), SOCK_STREAM, "127.0.0.1", 8082);
  UniqueFd udp = bound(run.netns.get(), SOCK_DGRAM, "::1", 53);
  CHECK(run.claim("a", {"8080:80"}) == cat("port 8080/tcp", me));
  CHECK(run.claim("a", {"127.0.0.1:8080:80"}) == cat("port 8080/tcp of 127.0.0.1", me));
  CHECK(run.claim("a", {"8081:80"}, {Family::kIpv4}) == cat("port 8081/tcp", me));
  CHECK(run.claim("a", {"8082:80"}) == cat("port 8082/tcp", me));
  CHECK(run.claim("a", {"53:53/udp"}) == cat("port 53/udp", me));
  CHECK(run.list().empty());
  CHECK(run.claim("a", {"192.0.2.1:8082:80", "53:53", "8082:80/udp"}).empty());
  CHECK(run.claim("b", {"53:53/udp"}, {Family::kIpv4}).empty());
}

TEST_CASE("a port that only connections to elsewhere use is free") {
  Run run;
  UniqueFd server = bound(run.netns.get(), SOCK_STREAM, "127.0.0.1", 7000);
  UniqueFd client = inside(run.netns.get(), [&] {
    UniqueFd out(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(7001);
    REQUIRE(bind(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    address.sin_port = htons(7000);
    REQUIRE(connect(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return out;
  });
  CHECK(run.claim("a", {"7001:80"}).empty());
}

TEST_CASE("a claim that a full disk cut off is nobody's") {
  Run run;
  CHECK(run.claim("a", {"1:1"}).empty());
  REQUIRE(write_file_atomically(run.path + "/ports/tcp-80-any", "parti"));
  REQUIRE(write_file_atomically(run.path + "/ports/rubbish", "x\n"));
  CHECK(run.claim("b", {"79-81:80"}).empty());
  CHECK(run.list() ==
        std::vector<std::string>{"any 1/tcp a", "any 79/tcp b", "any 80/tcp b", "any 81/tcp b"});
}

TEST_CASE("a range of ports is claimed as a whole") {
  Run run;
  CHECK(run.claim("a", {"20000-30999:10000"}).empty());
  CHECK(run.claim("b", {"19000-20000:1000"}) == "port 20000/tcp is taken by a");
  CHECK(run.list().size() == 11000);
  REQUIRE(release_ports(run.path, "a", Run::parse({"20000-30999:10000"})));
  CHECK(run.claim("b", {"19000-20000:1000"}).empty());
}
