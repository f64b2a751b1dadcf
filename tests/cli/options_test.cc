#include "cli/options.h"

#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;

namespace {

struct Options {
  std::string bundle = ".";
  bool detach = false;
  uint32_t preserve = 0;
  std::vector<std::string> env;
  std::vector<uint32_t> gids;
};

constexpr Option kOptions[] = {
    option<&Options::bundle>("bundle", 'b', "help"),
    option<&Options::detach>("detach", 'd', "help"),
    option<&Options::preserve>("preserve-fds", 0, "help"),
    option<&Options::env>("env", 'e', "help"),
    option<&Options::gids>("gid", 'g', "help"),
    accepted("criu", "help"),
};

struct Outcome {
  Options options;
  Result<Parsed> parsed;
};

Outcome parse(std::vector<std::string> words, Order order = Order::kMixed,
              Dialect dialect = Dialect::kUrfave) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  Outcome outcome;
  outcome.parsed = parse_options(kOptions, &outcome.options, pointers, order, dialect);
  return outcome;
}

std::string error_of(std::vector<std::string> words) {
  Outcome outcome = parse(std::move(words));
  return outcome.parsed ? "no error" : outcome.parsed.error().text;
}

}  // namespace

TEST_CASE("options take their value from = or from the next word, with one dash or two") {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--bundle", "/x"}, {"--bundle=/x"}, {"-bundle", "/x"}, {"-bundle=/x"}, {"-b", "/x"}, {"-b=/x"}})
    CHECK(parse(words).options.bundle == "/x");
  CHECK(parse({"--bundle", "--detach"}).options.bundle == "--detach");
  CHECK(parse({"--bundle="}).options.bundle.empty());
}

TEST_CASE("flags take no further word, and may be turned off") {
  Outcome outcome = parse({"-d", "web1"});
  REQUIRE(outcome.parsed);
  CHECK(outcome.options.detach);
  CHECK(outcome.parsed->arguments == std::vector<std::string>{"web1"});
  CHECK_FALSE(parse({"-d", "--detach=false"}).options.detach);
}

TEST_CASE("lists grow with each option") {
  Outcome outcome = parse({"-e", "A=1", "--env=B=2", "-g", "4", "--gid=5"});
  CHECK(outcome.options.env == std::vector<std::string>{"A=1", "B=2"});
  CHECK(outcome.options.gids == std::vector<uint32_t>{4, 5});
}

TEST_CASE("options may follow arguments only where the verb allows it") {
  Outcome mixed = parse({"web1", "-b", "/x", "--", "-d"});
  REQUIRE(mixed.parsed);
  CHECK(mixed.options.bundle == "/x");
  CHECK(mixed.parsed->arguments == std::vector<std::string>{"web1", "-d"});
  Outcome first = parse({"-d", "web1", "ls", "-b", "/x"}, Order::kOptionsFirst);
  REQUIRE(first.parsed);
  CHECK(first.options.bundle == ".");
  CHECK(first.parsed->arguments == std::vector<std::string>{"web1", "ls", "-b", "/x"});
}

TEST_CASE("a single dash is an argument and help stops the parsing") {
  Outcome dash = parse({"-"});
  REQUIRE(dash.parsed);
  CHECK(dash.parsed->arguments == std::vector<std::string>{"-"});
  Outcome help = parse({"-h", "--nonsense"});
  REQUIRE(help.parsed);
  CHECK(help.parsed->help);
  CHECK(parse({"--help"}).parsed->help);
}

TEST_CASE("what is wrong with an option is said in one sentence") {
  CHECK(error_of({"--colour=red"}) == "unknown option \"--colour\"");
  CHECK(error_of({"-bx"}) == "unknown option \"-bx\"");
  CHECK(error_of({"--bundle"}) == "option \"--bundle\" needs an argument");
  CHECK(error_of({"--preserve-fds=x"}) ==
        "option \"--preserve-fds\": \"x\" is not a number from 0 to 4294967295");
  CHECK(error_of({"--preserve-fds=4294967296"}).ends_with("is not a number from 0 to 4294967295"));
  CHECK(error_of({"--preserve-fds=-1"}).ends_with("is not a number from 0 to 4294967295"));
  CHECK(error_of({"--detach=maybe"}) == "option \"--detach\": \"maybe\" is neither true nor false");
  CHECK(error_of({"--criu", "/usr/sbin/criu"}) == "no error");
}

TEST_CASE("podman's dialect bundles letters and takes a value behind one") {
  auto posix = [](std::vector<std::string> words) {
    return parse(std::move(words), Order::kMixed, Dialect::kPosix);
  };
  CHECK(posix({"-db/x"}).options.detach);
  CHECK(posix({"-db/x"}).options.bundle == "/x");
  CHECK(posix({"-b=/x"}).options.bundle == "/x");
  CHECK(posix({"-db", "/x"}).options.bundle == "/x");
  CHECK(posix({"-e", "A=1", "-eB=2"}).options.env == std::vector<std::string>{"A=1", "B=2"});
  CHECK(posix({"--bundle", "/x"}).options.bundle == "/x");
  CHECK_FALSE(posix({"-d", "-d=false"}).options.detach);
  CHECK(posix({"-dh"}).parsed->help);
  auto error = [&](std::vector<std::string> words) { return posix(std::move(words)).parsed.error().text; };
  CHECK(error({"-dx"}) == "unknown option \"-x\"");
  CHECK(error({"--b=1"}) == "unknown option \"--b\"");
  CHECK(error({"-bundle", "/x", "-b"}) == "option \"-b\" needs an argument");
}
