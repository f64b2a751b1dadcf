// The completion script for zsh, derived from the option and verb tables.
#include "cli/verb.h"

namespace shoji::cli {

namespace {

// Inside of single quotes, in what _arguments(1) and _describe read: they split at ':' and end at ']'.
std::string escaped(std::string_view text) {
  std::string out;
  for (char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
      continue;
    }
    if (letter == ':' || letter == '[' || letter == ']' || letter == '\\') out += '\\';
    out += letter;
  }
  return out;
}

std::string option_specs(std::span<const Option> options) {
  std::string out;
  for (const Option& row : options) {
    std::string text = cat("[", escaped(row.help), "]", row.takes_value ? ":value:_files" : "");
    out += cat(" '--", row.name, row.takes_value ? "=" : "", text, "'");
    if (row.letter != 0) out += cat(" '-", row.letter, row.takes_value ? "+" : "", text, "'");
  }
  return out + " '--help[show help]'";
}

std::string verb_specs(std::span<const Verb* const> verbs) {
  std::string out;
  for (const Verb* verb : verbs)
    if (!verb->hidden) out += cat(" '", verb->name, ":", escaped(verb->summary), "'");
  return out + " 'help:show help'";
}

std::string value_pattern(std::span<const Option> options) {
  std::string out;
  for (const Option& row : options)
    if (row.takes_value) out += cat(out.empty() ? "" : "|", "--", row.name);
  return out.empty() ? std::string("''") : out;
}

// Options that take the next word, with spaces between them.
std::string value_words(std::span<const Option> options) {
  std::string out;
  for (const Option& row : options) {
    if (!row.takes_value) continue;
    out += cat(out.empty() ? "" : " ", "--", row.name);
    if (row.letter != 0) out += cat(" -", row.letter);
  }
  return out;
}

void append_cases(std::string& out, std::string_view prefix, std::span<const Verb* const> verbs) {
  for (const Verb* verb : verbs) {
    if (verb->hidden) continue;
    std::string path = cat(prefix, prefix.empty() ? "" : " ", verb->name);
    if (!verb->verbs.empty()) {
      out += cat("    '", path, "') verbs=(", verb_specs(verb->verbs), ");;\n");
      append_cases(out, path, verb->verbs);
    } else {
      out += cat("    '", path, "') options=(", option_specs(verb->options), "); names='", verb->candidates,
                 "'; later='", verb->later_candidates, "'; valued='", value_words(verb->options), "';;\n");
    }
  }
}

std::string group_pattern(std::span<const Verb* const> verbs) {
  std::string out;
  for (const Verb* verb : verbs)
    if (!verb->verbs.empty()) out += cat(out.empty() ? "" : "|", verb->name);
  return out.empty() ? std::string("''") : out;
}

}  // namespace

std::string zsh_completion(const Program& program) {
  std::string cases;
  append_cases(cases, "", program.verbs);
  return cat(
      "#compdef ", program.name, "\n# written by `", program.name, " completion zsh`\n_", program.name,
      "() {\n"
      "  local verb='' names='' later='' valued='' word i first=$CURRENT given=0\n"
      "  local -a verbs options\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    word=${words[i]}\n"
      "    case $word in\n"
      "      ",
      value_pattern(program.options),
      ") ((i++));;\n"
      "      -*) ;;\n"
      "      *) case $verb in\n"
      "           '') verb=$word; first=$((i + 1));;\n"
      "           ",
      group_pattern(program.verbs),
      ") verb+=\" $word\"; first=$((i + 1)); break;;\n"
      "           *) break;;\n"
      "         esac;;\n"
      "    esac\n"
      "  done\n"
      "  case $verb in\n"
      "    '') verbs=(",
      verb_specs(program.verbs), "); options=(", option_specs(program.options), ");;\n", cases,
      "  esac\n"
      "  for ((i = first; i < CURRENT; i++)); do\n"
      "    case ${words[i]} in\n"
      "      -*) if [[ \" $valued \" == *\" ${words[i]} \"* ]]; then ((i++)); fi;;\n"
      "      *) ((given++));;\n"
      "    esac\n"
      "  done\n"
      "  if [[ $given -gt 0 && -n $later ]]; then names=$later; fi\n"
      "  if [[ $PREFIX != -* ]] && (( $#verbs )); then _describe -t commands command verbs; return; fi\n"
      "  _arguments $options \"*:argument:_",
      program.name,
      "_names\"\n"
      "}\n"
      "_",
      program.name,
      "_names() {\n"
      "  local -a found\n"
      "  [[ -z $names ]] || found=(${(f)\"$(",
      program.name,
      " ${=names} 2>/dev/null)\"})\n"
      "  if (( $#found )); then compadd -a found; else _files; fi\n"
      "}\n"
      "_",
      program.name, " \"$@\"\n");
}

}  // namespace shoji::cli
