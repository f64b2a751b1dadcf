// From the command line to the verb that runs.
#include <csignal>

#include "cli/verb.h"

namespace shoji::cli {

namespace {

int fail_start(const Program& program, const Error& error) {
  report(error);
  return program.usage_code != 0 ? program.usage_code : kExitError;
}

int show(std::string_view text) {
  if (Result<> printed = print(text); !printed) {
    report(printed.error());
    return kExitError;
  }
  return kExitOk;
}

int unknown_verb(const Program& program, std::string_view group, std::string_view name) {
  std::string_view gap = group.empty() ? "" : " ";
  report(Error{Kind::kInvalid, 0,
               cat("unknown command ", quote(cat(group, gap, name)), "; ", program.name, gap, group,
                   " --help lists them")});
  return program.unknown_verb_code;
}

bool is_help(std::string_view word) {
  return word == "help" || word == "h";
}

int help_verb(const Program& program, std::span<const std::string> words) {
  std::span<const Verb* const> verbs = program.verbs;
  const Verb* verb = nullptr;
  std::string path;
  for (const std::string& word : words) {
    const Verb* next = find_verb(verbs, word);
    if (next == nullptr) return unknown_verb(program, path, word);
    verb = next;
    path += cat(path.empty() ? "" : " ", word);
    verbs = verb->verbs;
    if (verbs.empty()) break;
  }
  return show(verb != nullptr ? verb_help(program, path, *verb) : program_help(program));
}

// `call.words` are those after the group.
int run_group(Call& call) {
  const Verb& group = call.verb;
  NoOptions none;
  Result<Parsed> parsed = parse_options({}, &none, call.words, Order::kOptionsFirst, call.program.dialect);
  if (!parsed) return usage_error(call, parsed.error());
  if (parsed->help || parsed->arguments.empty() || is_help(parsed->arguments[0]))
    return show(verb_help(call.program, call.path, group));
  const Verb* verb = find_verb(group.verbs, parsed->arguments[0]);
  if (verb == nullptr) return unknown_verb(call.program, call.path, parsed->arguments[0]);
  return verb->run(Call{call.program, *verb, cat(call.path, " ", verb->name), call.globals,
                        call.words.last(parsed->arguments.size() - 1), call.command});
}

}  // namespace

const Verb* find_verb(std::span<const Verb* const> verbs, std::string_view name) {
  for (const Verb* verb : verbs)
    if (verb->name == name) return verb;
  return nullptr;
}

int run_program(const Program& program, void* globals, std::span<char* const> words) {
  // A closed pipe is an error to report, from stdout as from a hook that does not read its input.
  signal(SIGPIPE, SIG_IGN);
  Result<Parsed> parsed =
      parse_options(program.options, globals, words, Order::kOptionsFirst, program.dialect);
  Start start = program.start(globals);
  Result<> logs = set_log(std::move(start.log));
  if (!parsed) return fail_start(program, parsed.error());
  if (!logs) return fail_start(program, logs.error());
  if (start.version) return show(program.version());
  if (parsed->help || parsed->arguments.empty()) return show(program_help(program));
  if (Result<> checked = program.check(globals); !checked) return fail_start(program, checked.error());
  std::string_view name = parsed->arguments[0];
  if (is_help(name)) return help_verb(program, std::span(parsed->arguments).subspan(1));
  const Verb* verb = find_verb(program.verbs, name);
  if (verb == nullptr) return unknown_verb(program, "", name);
  Call call{program, *verb, std::string(name), globals, words.last(parsed->arguments.size() - 1), words};
  return verb->verbs.empty() ? verb->run(call) : run_group(call);
}

}  // namespace shoji::cli
