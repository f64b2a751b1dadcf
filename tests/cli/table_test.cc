#include "cli/table.h"

#include "cli/human.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;

namespace {

struct Fruit {
  std::string name;
  uint64_t size;
  std::vector<std::string> colours;
};
Field name_of(const Fruit& fruit) {
  return {fruit.name};
}
Field size_of(const Fruit& fruit) {
  return {fruit.size, human_size(fruit.size)};
}
Field colours_of(const Fruit& fruit) {
  return {fruit.colours};
}
Field taste_of(const Fruit& /*fruit*/) {
  return {};
}

constexpr Column kColumns[] = {
    column<name_of>("name", "what it is"),
    right_column<size_of>("size", "how large"),
    column<colours_of>("colours", "in which colours it comes"),
    more_column<taste_of>("taste", "not known"),
};

const std::vector<Fruit> kFruit = {
    {"pear", 2048, {"green"}}, {"apple", 1 << 20, {"green", "red"}}, {"fig", 10, {}}};

std::string shown(const ListOptions& options) {
  REQUIRE(options.check_list(kColumns));
  return listing(kColumns, options, kFruit);
}

std::string refused(const ListOptions& options) {
  auto checked = options.check_list(kColumns);
  return checked ? "no error" : checked.error().text;
}

}  // namespace

TEST_CASE("columns are as wide as their content") {
  CHECK(shown({}) ==
        "NAME      SIZE  COLOURS\n"
        "pear   2.0 KiB  green\n"
        "apple  1.0 MiB  green, red\n"
        "fig       10 B  \n");
  CHECK(listing(kColumns, ListOptions{}, std::vector<Fruit>{}) == "NAME  SIZE  COLOURS\n");
}

TEST_CASE("fields are chosen, rows sorted and filtered") {
  CHECK(shown({.output = "name", .no_heading = true}) == "pear\napple\nfig\n");
  CHECK(shown({.output = "name", .sort = "size", .no_heading = true}) == "fig\npear\napple\n");
  CHECK(shown({.output = "name", .sort = "-size", .no_heading = true}) == "apple\npear\nfig\n");
  CHECK(shown({.output = "name", .filters = {"size>1K", "colours=gr*n"}, .no_heading = true}) ==
        "pear\napple\n");
  CHECK(shown({.output = "name", .filters = {"size<2K"}, .no_heading = true}) == "fig\n");
  CHECK(shown({.output = "name", .filters = {"name!=?e*r"}, .no_heading = true}) == "apple\nfig\n");
  CHECK(shown({.output = "name", .filters = {"colours=red"}, .no_heading = true}) == "apple\n");
}

TEST_CASE("JSON has the values, and every field when none is chosen") {
  CHECK(
      shown({.format = "json", .output = "size,colours", .filters = {"name=apple"}}) ==
      "[\n  {\n    \"size\": 1048576,\n    \"colours\": [\n      \"green\",\n      \"red\"\n    ]\n  }\n]\n");
  CHECK(shown({.format = "json", .filters = {"name=fig"}}).find("\"taste\": null") != std::string::npos);
  CHECK(shown({.format = "json", .filters = {"name=nothing"}}) == "[]\n");
}

TEST_CASE("what a listing does not know is refused with what it knows") {
  CHECK(refused({.output = "name,colour"}) ==
        "-o: there is no field \"colour\", but name, size, colours, taste");
  CHECK(refused({.sort = "-weight"}).starts_with("--sort: there is no field \"weight\""));
  CHECK(refused({.filters = {"size"}}).starts_with("--filter \"size\" is not FIELD=PATTERN"));
  CHECK(refused({.filters = {"size>big"}}) == "--filter: \"big\" is not a size, as 512, 10M or 1.5G");
  CHECK(refused({.format = "{{.Name}}"}) == "invalid format \"{{.Name}}\": table or json; -o chooses fields");
}

TEST_CASE("text of strangers does not command the terminal") {
  CHECK(printable("a\x1b[2Jb\r\n") == "a\\x1b[2Jb\\x0d ");
  CHECK(display_width("障子") == 2);
}

TEST_CASE("sizes, ages and times") {
  CHECK(human_size(0) == "0 B");
  CHECK(human_size(1023) == "1023 B");
  CHECK(human_size(1536) == "1.5 KiB");
  CHECK(human_size(147 << 20) == "147 MiB");
  CHECK(human_size((1 << 20) - 1) == "1.0 MiB");
  CHECK(human_size(uint64_t{3} << 40) == "3.0 TiB");
  CHECK(parse_size("512").value() == 512);
  CHECK(parse_size("10M").value() == 10 << 20);
  CHECK(parse_size("1.5 GiB").value() == (uint64_t{3} << 29));
  CHECK(parse_size("2kb").value() == 2048);
  for (const char* bad : {"", "x", "1X", "1GG", "-1", "1 iB", "99999999999999999999", "9999999999999P"})
    CHECK_FALSE(parse_size(bad));
  CHECK(human_age(59) == "59 seconds");
  CHECK(human_age(3600) == "1 hour");
  CHECK(human_age(14 * 86400) == "2 weeks");
  CHECK(utc_time(1704164645) == "2024-01-02T03:04:05Z");
  CHECK(parse_utc_time("2024-01-02T03:04:05Z").value() == 1704164645);
  CHECK(parse_utc_time("2024-01-02T05:04:05.123456789+02:00").value() == 1704164645);
  for (const char* bad : {"", "2024-13-02T03:04:05Z", "2024-01-02", "2024-01-02T03:04:05", "yesterday"})
    CHECK_FALSE(parse_utc_time(bad));
}
