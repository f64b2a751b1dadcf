#include "base/json.h"

#include <string>

#include "tests/catch.h"

using namespace shoji;

namespace {

JsonDocument parsed(std::string text) {
  Result<JsonDocument> document = JsonDocument::parse(std::move(text), "t");
  REQUIRE(document);
  return std::move(*document);
}

std::string refusal(std::string text) {
  Result<JsonDocument> document = JsonDocument::parse(std::move(text), "t");
  REQUIRE(!document);
  CHECK(document.error().kind == Kind::kInvalid);
  return document.error().text;
}

}  // namespace

TEST_CASE("json: members come in the order of the source and find takes the last duplicate") {
  JsonDocument document = parsed(R"({"a": 1, "b": [true, null, -2, 1.5], "c": {}, "a": "x"})");
  std::string keys;
  for (Json member = document.root().first(); member.exists(); member = member.next()) keys += member.key();
  CHECK(keys == "abca");
  CHECK(document.root().size() == 4);
  CHECK(document.root().find("a").as_string() == "x");
  Json list = document.root().find("b");
  REQUIRE(list.size() == 4);
  CHECK(list.first().as_bool() == true);
  CHECK(list.first().next().is_null());
  CHECK(list.first().next().next().as_int64() == -2);
  CHECK(list.first().next().next().next().as_double() == 1.5);
  CHECK(!document.root().find("c").first().exists());
  CHECK(!document.root().find("z").exists());
}

TEST_CASE("json: escapes in strings and keys are undone") {
  JsonDocument document =
      parsed(R"({"k\u0041\n": "\"\\\/\b\f\r\t\u20ac\ud83d\ude00", "plain": "k", "": ""})");
  Json first = document.root().first();
  CHECK(first.key() == "kA\n");
  CHECK(first.as_string() == "\"\\/\b\f\r\t\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(document.root().find("plain").as_string() == "k");
  CHECK(document.root().find("").as_string() == "");
  // The unescaped text may stand in the source right before the closing quote, and is no view of it then.
  JsonDocument tail = parsed(R"(["\\", "\\\\", "a\"a"])");
  CHECK(tail.root().first().as_string() == "\\");
  CHECK(tail.root().first().next().as_string() == "\\\\");
  CHECK(tail.root().first().next().next().as_string() == "a\"a");
}

TEST_CASE("json: a document keeps its values when it is moved") {
  JsonDocument first = parsed(R"(["x", "\n"])");
  JsonDocument second = std::move(first);
  CHECK(second.root().first().as_string() == "x");
  CHECK(second.root().first().next().as_string() == "\n");
}

TEST_CASE("json: integers are exact up to 64 bits and nothing else passes for one") {
  JsonDocument document =
      parsed("[18446744073709551615, -9223372036854775808, 18446744073709551616, 1.0, 1e2]");
  Json value = document.root().first();
  CHECK(value.as_uint64() == 18446744073709551615u);
  CHECK(value.as_int64().error().text == "/0: 18446744073709551615 is greater than 9223372036854775807");
  value = value.next();
  CHECK(value.as_int64() == INT64_MIN);
  CHECK(value.as_uint64().error().text == "/1: -9223372036854775808 is less than 0");
  for (value = value.next(); value.exists(); value = value.next()) {
    CHECK(value.as_uint64().error().text == value.pointer() + ": expected an integer, found a real number");
  }
}

TEST_CASE("json: typed reads name the pointer and what was found") {
  JsonDocument document = parsed(R"({"a": [{"x/y~": 1}, "s", {}, [], null, false]})");
  Json list = document.root().find("a");
  CHECK(list.first().first().as_string().error().text == "/a/0/x~1y~0: expected a string, found an integer");
  CHECK(list.as_bool().error().text == "/a: expected a boolean, found an array");
  CHECK(document.root().as_string().error().text == "the document: expected a string, found an object");
  std::string found;
  for (Json value = list.first(); value.exists(); value = value.next()) found += cat(value.type_name(), ",");
  CHECK(found == "an object,a string,an object,an array,null,a boolean,");
}

TEST_CASE("json: source gives objects and arrays as they were written") {
  JsonDocument document = parsed("{\"o\" : { \"a\\n\": [1 , 2] }, \"s\": \"x\"}");
  CHECK(document.root().find("o").source() == "{ \"a\\n\": [1 , 2] }");
  CHECK(document.root().find("o").first().source() == "[1 , 2]");
  CHECK(document.root().find("s").source().empty());
}

TEST_CASE("json: a syntax error has line, column and pointer") {
  CHECK(refusal("{\n  \"process\": {\"args\": [\"a\",\n    x]}}") ==
        "t: line 3, column 5 at /process/args/1: invalid literal; last read: '\"a\",<U+000A>    x'");
  CHECK(refusal("{\"a\": {\"b\" 1}}").starts_with("t: line 1, column 12 at /a/b: unexpected number literal"));
  CHECK(refusal("{\"a\": 1, \"b\": \"x\ny\"}")
            .starts_with("t: line 1, column 17 at /b: invalid string: control character U+000A"));
  CHECK(refusal("").starts_with("t: line 1, column 1: "));
  CHECK(refusal("[1] 2").contains("expected end of input"));
  CHECK(refusal("[1e999]").contains("number overflow"));
  CHECK(refusal("[\"\xff\"]").contains("line 1, column 3 at /0: invalid string: ill-formed UTF-8 byte"));
  CHECK(refusal("[1,]").starts_with("t: line 1, column 4"));
  CHECK(refusal("[1] // no").starts_with("t: line 1, column 5"));
}

TEST_CASE("json: a byte order mark is skipped") {
  JsonDocument document = parsed("\xef\xbb\xbf{\"a\": \"b\"}");
  CHECK(document.root().find("a").as_string() == "b");
}

TEST_CASE("json: nesting ends at 200 levels") {
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(parsed(nested(200)).root().size() == 1);
  CHECK(refusal(nested(201)).find("line 1, column 201 at ") != std::string::npos);
  CHECK(refusal(nested(201)).ends_with("/0: nested deeper than 200 levels"));
  CHECK(refusal(std::string(5'000'000, '{')).size() < 1000);
}

TEST_CASE("json: the writer prints compact and indented") {
  auto print = [](JsonWriter::Style style) {
    JsonWriter w(style);
    w.begin_object().member("a", 1).member("b", true).key("c").begin_array().value("x").null().end_array();
    w.key("d").begin_object().end_object().member("e", uint64_t{18446744073709551615u}).member("f", 0.1);
    w.member("g", int64_t{-5}).key("h").raw("[1]").end_object();
    return w.take();
  };
  CHECK(print(JsonWriter::Style::kCompact) ==
        R"({"a":1,"b":true,"c":["x",null],"d":{},"e":18446744073709551615,"f":0.1,"g":-5,"h":[1]})");
  CHECK(print(JsonWriter::Style::kIndented) ==
        "{\n  \"a\": 1,\n  \"b\": true,\n  \"c\": [\n    \"x\",\n    null\n  ],\n  \"d\": {},\n"
        "  \"e\": 18446744073709551615,\n  \"f\": 0.1,\n  \"g\": -5,\n  \"h\": [1]\n}");
}

TEST_CASE("json: what the writer escapes the parser gives back") {
  std::string every;
  for (int c = 0; c < 128; ++c) every += static_cast<char>(c);
  every += "\xc2\x80 \xe2\x82\xac \xf0\x9f\x98\x80";
  JsonWriter w;
  w.begin_array().value(every).end_array();
  CHECK(parsed(w.take()).root().first().as_string() == every);
}

TEST_CASE("json: bytes that are not UTF-8 become the replacement character") {
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\x80"}) {
    JsonWriter w;
    w.begin_array().value(cat("a", bad, "b")).end_array();
    const JsonDocument document = parsed(w.take());
    std::string_view read = *document.root().first().as_string();
    CHECK(read.starts_with("a\xef\xbf\xbd"));
    CHECK(read.ends_with("b"));
  }
}
