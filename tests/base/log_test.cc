#include "base/log.h"

#include "base/clock.h"
#include "tests/catch.h"

using namespace shoji;

TEST_CASE("log lines are those that engines parse") {
  constexpr std::string_view kTime = "2026-11-23T17:10:54Z";
  CHECK(log_line(LogFormat::kText, LogLevel::kError, "open \"/x\": no", kTime) ==
        "time=\"2026-11-23T17:10:54Z\" level=error msg=\"open \\\"/x\\\": no\"\n");
  CHECK(log_line(LogFormat::kJson, LogLevel::kWarning, "a \"b\"", kTime) ==
        "{\"level\":\"warning\",\"msg\":\"a \\\"b\\\"\",\"time\":\"2026-11-23T17:10:54Z\"}\n");
}

TEST_CASE("the time is RFC 3339") {
  auto shape = [](std::string text) {
    for (char& c : text)
      if (c >= '0' && c <= '9') c = '9';
    return text;
  };
  CHECK(shape(rfc3339_now(TimeDigits::kSeconds)) == "9999-99-99T99:99:99Z");
  CHECK(shape(rfc3339_now(TimeDigits::kNanoseconds)) == "9999-99-99T99:99:99.999999999Z");
}
