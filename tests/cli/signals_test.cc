#include "cli/oci/signals.h"

#include <csignal>

#include "tests/catch.h"

using namespace shoji;
using shoji::cli::parse_signal;

TEST_CASE("signals have numbers and names") {
  CHECK(parse_signal("9") == SIGKILL);
  CHECK(parse_signal("0") == 0);
  CHECK(parse_signal("64") == 64);
  CHECK(parse_signal("KILL") == SIGKILL);
  CHECK(parse_signal("SIGTERM") == SIGTERM);
  CHECK(parse_signal("sigusr1") == SIGUSR1);
  CHECK(parse_signal("hup") == SIGHUP);
  CHECK(parse_signal("CLD") == SIGCHLD);
}

TEST_CASE("real-time signals count from RTMIN up and from RTMAX down") {
  CHECK(parse_signal("RTMIN") == 34);
  CHECK(parse_signal("SIGRTMIN+3") == 37);
  CHECK(parse_signal("RTMAX") == 64);
  CHECK(parse_signal("rtmax-1") == 63);
  for (const char* text : {"RTMIN-1", "RTMAX+1", "RTMIN+99", "RTMIN+", "RTMINX"}) CHECK_FALSE(parse_signal(text));
}

TEST_CASE("anything else is no signal") {
  for (const char* text : {"", "65", "-1", "FOO", "SIG", "9x"}) {
    auto signal = parse_signal(text);
    REQUIRE_FALSE(signal);
    CHECK(signal.error().text == cat("unknown signal ", quote(text)));
  }
}
