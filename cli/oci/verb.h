#pragma once
// A verb of shoji-oci as a table row: parsing, help and completion follow from it. Each verb lives in its own file and
// has one row in verbs.cc.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/oci/exit_codes.h"
#include "cli/options.h"

namespace shoji::cli {

// The options before the verb.
struct Globals {
  std::string root;
  std::string log;
  std::string log_format = "text";
  std::string cgroup_manager = "cgroupfs";
  bool debug = false;
  bool systemd_cgroup = false;
  bool version = false;
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

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
  bool hidden = false;           // not in the help
  bool names_container = false;  // the first argument is a container's id
  // Takes the words after the verb; returns the exit code, having reported what went wrong.
  int (*run)(const Verb& self, const Globals& globals, std::span<char* const> words) = nullptr;
};

using Arguments = std::vector<std::string>;

// The whole program: argv without its name; returns the exit code.
int run_program(std::span<char* const> words);

std::span<const Option> global_options();
std::span<const Verb* const> verbs();
const Verb* find_verb(std::string_view name);

// The text of `--help`; of one verb, or of the program.
std::string verb_help(const Verb& verb);
std::string program_help();
std::string version_text();
std::string bash_completion();

// Prints an error: `shoji-oci: create web1: TEXT` on stderr, and in the log when there is one.
void report(std::string_view verb, std::string_view id, const Error& error);
// Text on stdout, with an error when it could not be written (a full disk, a closed pipe).
Result<> print(std::string_view text);

// Parses words by the verb's table into `options`. Anything but arguments to act on comes back as an exit code: help
// was printed, or a usage error reported.
struct Accepted {
  Arguments arguments;
  int exit_code = -1;  // -1: act
};
Accepted accept_words(const Verb& verb, void* options, std::span<char* const> words);
int finish(const Verb& verb, const Arguments& arguments, const Result<int>& result);

// Verb::run for a verb with options of type Options and `body` to act.
template <typename Options, Result<int> (*body)(const Globals&, Options&, Arguments&)>
int parse_and_run(const Verb& self, const Globals& globals, std::span<char* const> words) {
  Options options{};
  Accepted accepted = accept_words(self, &options, words);
  if (accepted.exit_code >= 0) return accepted.exit_code;
  return finish(self, accepted.arguments, body(globals, options, accepted.arguments));
}

struct NoOptions {};

}  // namespace shoji::cli
