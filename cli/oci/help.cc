// Help, version and completion, all derived from the option and verb tables.
#include <algorithm>

#include "cli/oci/libseccomp_version.h"
#include "cli/oci/verb.h"
#include "spec/spec.h"

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
  append_row(out, "--help, -h", width, "show help");
  return out;
}

}  // namespace

std::string verb_help(const Verb& verb) {
  std::string out =
      cat("NAME:\n   shoji-oci ", verb.name, " - ", verb.summary, "\n\nUSAGE:\n   shoji-oci ", verb.name,
          " [command options]", verb.arguments.empty() ? "" : " ", verb.arguments, "\n");
  if (!verb.description.empty()) out += cat("\nDESCRIPTION:\n", verb.description, "\n");
  out += cat("\nOPTIONS:\n", option_rows(verb.options));
  return out;
}

std::string program_help() {
  std::string out =
      "NAME:\n   shoji-oci - run containers from OCI bundles\n\n"
      "USAGE:\n   shoji-oci [global options] command [command options] [arguments...]\n\n"
      "A bundle is a directory with a config.json and a root filesystem. In it:\n\n"
      "   shoji-oci spec            writes a config.json to start from\n"
      "   shoji-oci run ID          makes and runs the container, and removes it when its program ends\n\n"
      "COMMANDS:\n";
  size_t width = 0;
  for (const Verb* verb : verbs()) width = std::max(width, verb->hidden ? 0 : verb->name.size());
  for (const Verb* verb : verbs())
    if (!verb->hidden) append_row(out, verb->name, width, verb->summary);
  append_row(out, "help", width, "show this help, or that of one command");
  out += cat("\nGLOBAL OPTIONS:\n", option_rows(global_options()), "\nEXIT STATUS:\n");
  for (const ExitCode& row : kExitCodes) append_row(out, std::to_string(row.code), 3, row.meaning);
  return out;
}

std::string version_text() {
  return cat("shoji-oci version ", SHOJI_VERSION, "\ncommit: ", SHOJI_COMMIT, "\nspec: ", kOciVersion,
             "\nlibseccomp: ", kLibseccompVersion, "\n");
}

std::string bash_completion() {
  auto option_words = [](std::span<const Option> options) {
    std::string words;
    for (const Option& row : options) words += cat("--", row.name, " ");
    return words + "--help";
  };
  auto value_words = [](std::span<const Option> options) {
    std::string words;
    for (const Option& row : options) {
      if (!row.takes_value) continue;
      words += cat(words.empty() ? "" : "|", "--", row.name);
      if (row.letter != 0) words += cat("|-", row.letter);
    }
    return words.empty() ? std::string("''") : words;
  };
  std::string names;
  std::string cases;
  for (const Verb* verb : verbs()) {
    if (verb->hidden) continue;
    names += cat(verb->name, " ");
    cases += cat("    ", verb->name, ")\n      options='", option_words(verb->options),
                 "'; ids=", verb->names_container ? 1 : 0, "\n      case \"$previous\" in ",
                 value_words(verb->options), ") valued=1;; esac;;\n");
  }
  return cat(
      "# bash completion for shoji-oci, written by `shoji-oci completion`\n"
      "_shoji_oci() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local verb='' options='' ids=0 valued=0 i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "      ",
      value_words(global_options()),
      ") ((i++));;\n"
      "      -*) ;;\n"
      "      *) verb=${COMP_WORDS[i]}; break;;\n"
      "    esac\n"
      "  done\n"
      "  case $verb in\n"
      "    '') options='",
      names, "help ", option_words(global_options()),
      "'\n"
      "      case \"$previous\" in ",
      value_words(global_options()), ") valued=1;; esac;;\n", cases, "    help) options='", names,
      "';;\n"
      "  esac\n"
      "  if ((valued)); then COMPREPLY=($(compgen -f -- \"$current\")); return; fi\n"
      "  if ((ids)) && [[ $current != -* ]]; then options=$(shoji-oci list -q 2>/dev/null); fi\n"
      "  COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
      "}\n"
      "complete -o filenames -F _shoji_oci shoji-oci\n");
}

}  // namespace shoji::cli
