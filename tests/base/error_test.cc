#include "base/error.h"

#include <cerrno>

#include "tests/catch.h"

using namespace shoji;

TEST_CASE("quote escapes what could be mistaken for the message") {
  CHECK(quote("plain") == "\"plain\"");
  CHECK(quote("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\n\\x01\"");
}

TEST_CASE("fail_errno names the cause and derives the kind") {
  Result<> missing = fail_errno(ENOENT, "open \"/x\"");
  REQUIRE(!missing);
  CHECK(missing.error().text == "open \"/x\": No such file or directory");
  CHECK(missing.error().kind == Kind::kNotFound);
  CHECK(missing.error().err == ENOENT);
}

namespace {
Result<int> half(int n) {
  if (n % 2 != 0) return fail(Kind::kInvalid, cat(n, " is odd"));
  return n / 2;
}
Result<int> quarter(int n) {
  TRY_ASSIGN(int h, half(n));
  TRY_ASSIGN(h, half(h));
  TRY(half(0));
  return h;
}
}  // namespace

TEST_CASE("TRY and TRY_ASSIGN pass the error on") {
  CHECK(quarter(8) == 2);
  REQUIRE(!quarter(6));
  CHECK(quarter(6).error().text == "3 is odd");
}
