// Help, derived from the option and verb tables.
#include <algorithm>

#include "cli/verb.h"

namespace shoji::cli {

namespace {

std::string option_column(const Option& row) {
  std::string text = cat("--", row.name, row.takes_value ? " value" : "");
  if (row.letter != 0) text += cat(", -", row.letter, row.takes_value ? " value" : "");
  return text;
}

void append_row(std::string& out, std::string_view left, size_t width, std::string_view right) {
  out += cat("   ", left, std::string(width - std::min(width, left.size()) + 2, ' '), right, "\n");
}

std::string option_rows(std::span<const Option> options) {
  std::string out;
  size_t width = std::string_view("--help, -h").size();
  for (const Option& row : options) width = std::max(width, option_column(row).size());
  for (const Option& row : options) {
    std::string help(row.help);
    if (!row.default_text.empty()) help += cat(" (default: ", quote(row.default_text), ")");
    append_row(out, option_column(row), width, help);
  }
  // podman's -h of run and create is the hostname.
  bool taken = std::ranges::find(options, 'h', &Option::letter) != options.end();
  append_row(out, taken ? "--help" : "--help, -h", width, "show help");
  return out;
}

std::string verb_rows(std::span<const Verb* const> verbs, std::string_view help_summary) {
  std::string out;
  size_t width = 0;
  for (const Verb* verb : verbs) width = std::max(width, verb->hidden ? 0 : verb->name.size());
  for (const Verb* verb : verbs)
    if (!verb->hidden) append_row(out, verb->name, width, verb->summary);
  append_row(out, "help", width, help_summary);
  return out;
}

}  // namespace

std::string verb_help(const Program& program, std::string_view path, const Verb& verb) {
  bool group = !verb.verbs.empty();
  std::string out = cat("NAME:\n   ", program.name, " ", path, " - ", verb.summary, "\n\nUSAGE:\n   ",
                        program.name, " ", path, group ? " command" : "", " [command options]",
                        verb.arguments.empty() ? "" : " ", verb.arguments, "\n");
  if (!verb.description.empty()) out += cat("\nDESCRIPTION:\n", verb.description, "\n");
  if (group) out += cat("\nCOMMANDS:\n", verb_rows(verb.verbs, "show this help"));
  out += cat("\nOPTIONS:\n", option_rows(verb.options));
  return out;
}

std::string program_help(const Program& program) {
  std::string out =
      cat("NAME:\n   ", program.name, " - ", program.summary, "\n\nUSAGE:\n   ", program.name,
          " [global options] command [command options] [arguments...]\n\n", program.introduction,
          "\nCOMMANDS:\n", verb_rows(program.verbs, "show this help, or that of one command"),
          "\nGLOBAL OPTIONS:\n", option_rows(program.options), "\nEXIT STATUS:\n");
  for (const ExitCode& row : program.exit_codes) append_row(out, std::to_string(row.code), 3, row.meaning);
  return out;
}

}  // namespace shoji::cli
