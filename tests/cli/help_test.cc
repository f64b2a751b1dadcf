#include <cstdlib>

#include "base/spawn.h"
#include "cli/oci/verbs.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;
using namespace shoji::cli::oci;

TEST_CASE("help names every verb and each verb's help every option") {
  std::string help = program_help(program);
  for (const Verb* verb : program.verbs) {
    CHECK((help.find(cat("\n   ", verb->name, " ")) != std::string::npos) == !verb->hidden);
    std::string text = verb_help(program, verb->name, *verb);
    for (const Option& row : verb->options) CHECK(text.find(cat("--", row.name)) != std::string::npos);
  }
  for (const Option& row : program.options) CHECK(help.find(cat("--", row.name)) != std::string::npos);
}

TEST_CASE("no two options of a verb share a name or a letter") {
  auto check = [](std::span<const Option> options) {
    for (size_t i = 0; i < options.size(); ++i)
      for (size_t j = i + 1; j < options.size(); ++j) {
        CHECK(options[i].name != options[j].name);
        CHECK((options[i].letter == 0 || options[i].letter != options[j].letter));
      }
  };
  check(program.options);
  for (const Verb* verb : program.verbs) check(verb->options);
}

TEST_CASE("verbs are found by their whole name") {
  CHECK(find_verb(program.verbs, "create") == &create_verb);
  CHECK(find_verb(program.verbs, "creat") == nullptr);
  CHECK(find_verb(program.verbs, "") == nullptr);
}

TEST_CASE("the version begins as runc's does") {
  std::string text = program.version();
  CHECK(text.starts_with(cat("shoji-oci version ", SHOJI_VERSION, "\ncommit: ")));
  CHECK(text.find("\nspec: 1.3.0\nlibseccomp: ") != std::string::npos);
}

namespace {

// What bash would offer for the words of a command line, the last of which is being typed.
std::string completions(const std::string& words, int count) {
  std::string script = cat(bash_completion(program), "COMP_WORDS=(", words, "); COMP_CWORD=", count - 1,
                           "; _shoji_oci; echo \"${COMPREPLY[*]}\"");
  auto captured = run_captured({"/bin/bash", {"bash", "-c", script}, {"PATH=/usr/bin:/bin"}, {}}, "", 20'000);
  REQUIRE(captured);
  REQUIRE(captured->err.empty());
  return captured->out;
}

}  // namespace

TEST_CASE("bash completes verbs and their options") {
  CHECK(completions("shoji-oci cre", 2) == "create\n");
  CHECK(completions("shoji-oci --root /x de", 4) == "delete\n");
  CHECK(completions("shoji-oci --root=/x create --pid", 4) == "--pid-file\n");
  CHECK(completions("shoji-oci kill --a", 3) == "--all\n");
  CHECK(completions("shoji-oci help paus", 3) == "pause\n");
}
