#include "cli/verb.h"

#include <unistd.h>

#include "base/io.h"

namespace shoji::cli {

void report(const Error& error) {
  log(LogLevel::kError, error.text);
}

Result<> print(std::string_view text) {
  return write_all(STDOUT_FILENO, text, "standard output");
}

namespace {

Result<> check_count(const Verb& verb, size_t count) {
  if (count >= verb.min_arguments && count <= verb.max_arguments) return {};
  std::string expected;
  if (verb.max_arguments == 0) {
    expected = "takes no arguments";
  } else if (verb.min_arguments == verb.max_arguments) {
    expected =
        cat("takes exactly ", verb.min_arguments, verb.min_arguments == 1 ? " argument" : " arguments");
  } else if (count < verb.min_arguments) {
    expected =
        cat("takes at least ", verb.min_arguments, verb.min_arguments == 1 ? " argument" : " arguments");
  } else {
    expected =
        cat("takes at most ", verb.max_arguments, verb.max_arguments == 1 ? " argument" : " arguments");
  }
  return fail(Kind::kInvalid, cat(expected, ", got ", count));
}

}  // namespace

int usage_error(const Call& call, const Error& error) {
  report(within(call.path, error));
  ignore(write_all(STDERR_FILENO, cat("hint: ", call.program.name, " ", call.path, " --help\n"), "stderr"),
         "only a hint");
  return call.program.usage_code != 0 ? call.program.usage_code : call.verb.failure_code;
}

Accepted accept_words(const Call& call, void* options) {
  const Verb& verb = call.verb;
  Result<Parsed> parsed = parse_options(verb.options, options, call.words, verb.order, call.program.dialect);
  if (!parsed) return {{}, usage_error(call, parsed.error())};
  if (parsed->help) return {{}, print(verb_help(call.program, call.path, verb)) ? kExitOk : kExitError};
  if (Result<> counted = check_count(verb, parsed->arguments.size()); !counted)
    return {{}, usage_error(call, counted.error())};
  return {std::move(parsed->arguments), -1};
}

int finish(const Call& call, const Arguments& arguments, const Result<int>& result) {
  if (result) return *result;
  // A transfer names itself and what it moves, more exactly than the words that were typed.
  if (result.error().text.starts_with(cat(call.verb.name, " \""))) {
    report(result.error());
    return call.verb.failure_code;
  }
  std::string subject = call.path;
  if (call.verb.names_subject && !arguments.empty())
    subject += cat(" ", call.program.quotes_subjects ? quote(arguments[0]) : arguments[0]);
  report(within(subject, result.error()));
  return call.verb.failure_code;
}

}  // namespace shoji::cli
