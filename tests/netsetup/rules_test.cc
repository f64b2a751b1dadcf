#include "netsetup/firewall/rules.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::net;

TEST_CASE("published ports are read as docker and podman have them") {
  struct Case {
    const char *text, *printed;
  };
  const Case cases[] = {
      {"8080:80", "8080:80/tcp"},
      {"0.0.0.0:8080:80", "8080:80/tcp"},
      {"127.0.0.1:53:5353/udp", "127.0.0.1:53:5353/udp"},
      {"[fd00::1]:8080-8090:80", "[fd00::1]:8080-8090:80-90/tcp"},
      {"10.1.2.3:8000-8001:8000-8001/tcp", "10.1.2.3:8000-8001:8000-8001/tcp"},
  };
  for (const Case& one : cases) {
    Result<PublishedPort> port = parse_published_port(one.text);
    REQUIRE(port);
    CHECK(print_published_port(*port) == one.printed);
    CHECK(*parse_published_port(one.printed) == *port);
  }
}

TEST_CASE("what is no published port is refused by its fault") {
  for (const char* bad :
       {"", "80", ":80", "0:80", "65536:80", "80:80/sctp", "a:80:80", "1.2.3.4:80:80:80", "90-80:80",
        "80-90:1-3", "1-100:65500", "[fd00::1:80:80", "[fd00::1]80:80", "1-65535:1", "80:80/"}) {
    Result<PublishedPort> port = parse_published_port(bad);
    REQUIRE_FALSE(port);
    CHECK(port.error().kind == Kind::kInvalid);
    CHECK(port.error().text.starts_with(cat("published port ", quote(bad), ": ")));
  }
  CHECK(parse_published_port("[::1]:80:80").error().kind == Kind::kUnsupported);
}
