#pragma once
// The command line of a program as tables: global options, then a verb, which may be one of a group (`image ls`).
// Parsing, help and completion follow from the rows. Each verb lives in its own file and has one row in its program's
// table of verbs.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/options.h"

namespace shoji::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;

struct ExitCode {
  int code;
  std::string_view meaning;
};

// What the global options ask of the program itself.
struct Start {
  LogSettings log;
  bool version = false;
};

struct Verb;

struct Program {
  std::string_view name;
  std::string_view summary;
  std::string_view introduction;  // the help's paragraphs between usage and commands, wrapped by hand
  std::span<const Option> options;
  std::span<const Verb* const> verbs;  // in the order of the help
  std::span<const ExitCode> exit_codes;
  int unknown_verb_code = kExitError;
  int usage_code = 0;  // of a verb that is called wrongly; 0: the verb's own failure_code
  Dialect dialect = Dialect::kUrfave;
  bool quotes_subjects = false;  // in errors: create "web1": ...
  std::string (*version)() = nullptr;
  Start (*start)(const void* globals) = nullptr;
  Result<> (*check)(void* globals) = nullptr;  // of the global options, before a verb runs
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

// A verb that is being run.
struct Call {
  const Program& program;
  const Verb& verb;
  std::string path;                // "image ls"
  const void* globals;             // the program's struct of global options
  std::span<char* const> words;    // after the verb
  std::span<char* const> command;  // the whole command line after the program's name
};

struct Verb {
  std::string_view name;
  std::string_view arguments = {};    // for the usage line: "<container-id>"
  std::string_view summary = {};      // one line, lower case, no full stop
  std::string_view description = {};  // further paragraphs of the help, wrapped by hand
  std::span<const Option> options = {};
  size_t min_arguments = 0;
  size_t max_arguments = kAnyNumber;
  Order order = Order::kMixed;
  int failure_code = kExitError;
  bool hidden = false;         // not in the help
  bool names_subject = false;  // the first argument is what the verb is about: errors name it
  // For completion: words for the program that print what an argument may be, what the second and later ones may be
  // (empty: the same).
  std::string_view candidates = {}, later_candidates = {};
  std::span<const Verb* const> verbs = {};  // of a group; it has no `run`
  // Returns the exit code, having reported what went wrong.
  int (*run)(const Call& call) = nullptr;
};

using Arguments = std::vector<std::string>;

// The whole program: argv without its name, and where the global options go; returns the exit code.
int run_program(const Program& program, void* globals, std::span<char* const> words);

const Verb* find_verb(std::span<const Verb* const> verbs, std::string_view name);

// The text of `--help`: of one verb or group, or of the program.
std::string verb_help(const Program& program, std::string_view path, const Verb& verb);
std::string program_help(const Program& program);
// Completion scripts, from the tables.
std::string bash_completion(const Program& program);
std::string zsh_completion(const Program& program);

// Prints an error: `shoji-oci: create web1: TEXT` on stderr, and in the log when there is one.
void report(const Error& error);
// Text on stdout, with an error when it could not be written (a full disk, a closed pipe).
Result<> print(std::string_view text);

// Parses the words by the verb's table into `options`. Anything but arguments to act on comes back as an exit code:
// help was printed, or a usage error reported.
struct Accepted {
  Arguments arguments;
  int exit_code = -1;  // -1: act
};
Accepted accept_words(const Call& call, void* options);
int usage_error(const Call& call, const Error& error);
int finish(const Call& call, const Arguments& arguments, const Result<int>& result);

namespace detail {
template <auto Body>
struct BodyOf;
template <typename GlobalOptions, typename Options,
          Result<int> (*Body)(const GlobalOptions&, Options&, Arguments&)>
struct BodyOf<Body> {
  using Globals = GlobalOptions;
};
}  // namespace detail

// Verb::run for a verb with options of type Options and `body` to act. Options may have a member
// `Result<> check(const Arguments&)`: what it refuses is wrong usage.
template <typename Options, auto body>
int parse_and_run(const Call& call) {
  Options options{};
  Accepted accepted = accept_words(call, &options);
  if (accepted.exit_code >= 0) return accepted.exit_code;
  if constexpr (requires { options.check(accepted.arguments); })
    if (Result<> checked = options.check(accepted.arguments); !checked)
      return usage_error(call, checked.error());
  using Globals = typename detail::BodyOf<body>::Globals;
  const auto& globals = *static_cast<const Globals*>(call.globals);
  return finish(call, accepted.arguments, body(globals, options, accepted.arguments));
}

struct NoOptions {};

}  // namespace shoji::cli
