#include "cli/oci/verb.h"

#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

namespace shoji::cli {

void report(std::string_view verb, std::string_view id, const Error& error) {
  std::string_view gap = id.empty() ? "" : " ";
  std::string_view colon = verb.empty() ? "" : ": ";
  log(LogLevel::kError, cat(verb, gap, id, colon, error.text));
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
    expected = cat("takes at most ", verb.max_arguments, " arguments");
  }
  return fail(Kind::kInvalid, cat(expected, ", got ", count));
}

int usage_error(const Verb& verb, const Error& error) {
  report(verb.name, "", error);
  ignore(write_all(STDERR_FILENO, cat("hint: shoji-oci ", verb.name, " --help\n"), "stderr"), "only a hint");
  return verb.failure_code;
}

}  // namespace

Accepted accept_words(const Verb& verb, void* options, std::span<char* const> words) {
  Result<Parsed> parsed = parse_options(verb.options, options, words, verb.order);
  if (!parsed) return {{}, usage_error(verb, parsed.error())};
  if (parsed->help) return {{}, print(verb_help(verb)) ? kExitOk : kExitError};
  if (Result<> counted = check_count(verb, parsed->arguments.size()); !counted)
    return {{}, usage_error(verb, counted.error())};
  return {std::move(parsed->arguments), -1};
}

int finish(const Verb& verb, const Arguments& arguments, const Result<int>& result) {
  if (result) return *result;
  std::string_view id = verb.names_container && !arguments.empty() ? std::string_view(arguments[0]) : "";
  report(verb.name, id, result.error());
  return verb.failure_code;
}

}  // namespace shoji::cli
