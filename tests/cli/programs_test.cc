// What holds for the tables of every program.
#include <algorithm>
#include <map>
#include <set>

#include "base/spawn.h"
#include "cli/image/verbs.h"
#include "cli/net/verbs.h"
#include "cli/oci/verbs.h"
#include "cli/operator/verbs.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::cli;

namespace {

struct NamedVerb {
  std::string path;
  const Verb* verb;
};

void collect(std::vector<NamedVerb>& out, std::string_view group, std::span<const Verb* const> verbs) {
  for (const Verb* verb : verbs) {
    std::string path = cat(group, group.empty() ? "" : " ", verb->name);
    out.push_back({path, verb});
    collect(out, path, verb->verbs);
  }
}

std::vector<NamedVerb> all_verbs(const Program& program) {
  std::vector<NamedVerb> out;
  collect(out, "", program.verbs);
  return out;
}

void check_options(std::span<const Option> options) {
  std::set<std::string_view> names;
  std::set<char> letters;
  for (const Option& row : options) {
    CHECK(names.insert(row.name).second);
    CHECK((row.letter == 0 || letters.insert(row.letter).second));
    CHECK(row.set != nullptr);
    CHECK_FALSE(row.help.empty());
    CHECK(row.name != "help");
  }
}

void check_program(const Program& program) {
  std::string help = program_help(program);
  for (const Option& row : program.options) CHECK(help.find(cat("--", row.name)) != std::string::npos);
  check_options(program.options);
  std::set<std::string> paths;
  for (const auto& [path, verb] : all_verbs(program)) {
    INFO(path);
    CHECK(paths.insert(path).second);
    CHECK((verb->run == nullptr) == !verb->verbs.empty());
    CHECK((verb->hidden || !verb->summary.empty()));
    CHECK_FALSE(verb->summary.ends_with('.'));
    CHECK(verb->min_arguments <= verb->max_arguments);
    CHECK((verb->verbs.empty() ? verb->max_arguments == 0 : true) == verb->arguments.empty());
    std::string text = verb_help(program, path, *verb);
    for (const Option& row : verb->options) CHECK(text.find(cat("--", row.name)) != std::string::npos);
    bool taken = std::ranges::find(verb->options, 'h', &Option::letter) != verb->options.end();
    CHECK((text.find("--help, -h") == std::string::npos) == taken);
    CHECK((!taken || program.dialect == Dialect::kPosix));  // where a row comes before help's letter
    for (size_t at = 0; at < verb->description.size();) {
      size_t end = std::min(verb->description.find('\n', at), verb->description.size());
      CHECK(end - at <= 120);
      at = end + 1;
    }
    check_options(verb->options);
  }
}

}  // namespace

TEST_CASE("the tables of shoji, shoji-image and shoji-net hold together") {
  check_program(op::describe(op::operator_verbs()));
  check_program(op::describe(image::image_verbs()));
  check_program(op::describe(cli::net::net_verbs()));
}

TEST_CASE("what shoji hands over the others have, with the same options") {
  struct Companion {
    int (*hand_over)(const Call&);
    std::span<const Verb* const> verbs;
  };
  for (const Companion& companion : {Companion{&op::hand_over, image::image_verbs()},
                                     Companion{&op::hand_over_to_net, cli::net::net_verbs()}}) {
    std::map<std::string, const Verb*> theirs;
    for (const auto& [path, verb] : all_verbs(op::describe(companion.verbs))) theirs[path] = verb;
    size_t handed_over = 0;
    for (const auto& [path, verb] : all_verbs(op::describe(op::operator_verbs()))) {
      if (verb->run != companion.hand_over) continue;
      INFO(path);
      ++handed_over;
      REQUIRE(theirs.contains(path));
      CHECK(theirs[path]->options.data() == verb->options.data());
      CHECK(theirs[path]->run != verb->run);
    }
    CHECK(handed_over > 0);
  }
}

TEST_CASE("bash completes verbs inside of groups and their options") {
  auto completions = [](const std::string& words, int count) {
    std::string script = cat(bash_completion(op::describe(op::operator_verbs())), "COMP_WORDS=(", words,
                             "); COMP_CWORD=", count - 1, "; _shoji; echo \"${COMPREPLY[*]}\"");
    auto captured =
        run_captured({"/bin/bash", {"bash", "-c", script}, {"PATH=/usr/bin:/bin"}, {}}, "", 20'000);
    REQUIRE(captured);
    REQUIRE(captured->err.empty());
    return captured->out;
  };
  CHECK(completions("shoji ima", 2) == "images image\n");
  CHECK(completions("shoji image hist", 3) == "history\n");
  CHECK(completions("shoji --store /x image ls --no-h", 6) == "--no-heading\n");
  CHECK(completions("shoji image --he", 3) == "--help\n");
  CHECK(completions("shoji login --pass", 3) == "--password --password-stdin\n");
  // What it would call tells whether it is asked for partitions or for networks.
  auto asked = [&](const std::string& words, int count) {
    return completions(cat(words, "); shoji() { echo \"$2\"; }; COMP_WORDS+=("), count);
  };
  CHECK(asked("shoji network inspect ''", 4) == "ls\n");
  CHECK(asked("shoji network detach ''", 4) == "ps\n");
  CHECK(asked("shoji network detach web1 ''", 5) == "ls\n");
  CHECK(asked("shoji --run /x network attach -p 80:80 ''", 8) == "ps\n");
  CHECK(asked("shoji --run /x network attach --make web1 -p 80:80 ''", 10) == "ls\n");
}

TEST_CASE("zsh completes verbs, verbs inside of groups, and names") {
  auto completions = [](const std::string& words, const std::string& prefix, int current) {
    std::string script =
        cat("compadd() { print -r -- names }; _describe() { print -rl -- $verbs }\n",
            "_arguments() { print -rl -- \"$@\" }; words=(", words, "); PREFIX='", prefix,
            "'; CURRENT=", current, "\n", zsh_completion(op::describe(op::operator_verbs())));
    auto captured =
        run_captured({"/bin/zsh", {"zsh", "-f", "-c", script}, {"PATH=/usr/bin:/bin"}, {}}, "", 20'000);
    REQUIRE(captured);
    CHECK(captured->err == "");
    return captured->out;
  };
  CHECK(completions("shoji ''", "", 2).contains("\npull:bring images from a registry"));
  CHECK(completions("shoji --store /x image ''", "", 5).starts_with("ls:list images\nrm:remove names"));
  std::string options = completions("shoji image ls --", "--", 4);
  CHECK(options.find("--no-heading[leave out the line of headings]\n") != std::string::npos);
  CHECK(options.find("-o+[fields to print, as name,size]:value:_files\n") != std::string::npos);
  CHECK(options.ends_with("*:argument:_shoji_names\n"));
  auto asked = [&](const std::string& words, int current) {
    return completions(cat(words, "); _arguments() { print -r -- ${=names} }; words+=("), "", current);
  };
  CHECK(asked("shoji network attach -p 80:80 ''", 6).starts_with("network ps "));
  CHECK(asked("shoji network attach -p 80:80 web1 ''", 7).starts_with("network ls "));
}
