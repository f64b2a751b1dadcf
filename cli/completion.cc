// The completion script for bash, derived from the option and verb tables.
#include "cli/verb.h"

namespace shoji::cli {

namespace {

std::string option_words(std::span<const Option> options) {
  std::string words;
  for (const Option& row : options) words += cat("--", row.name, " ");
  return words + "--help";
}

// A pattern of the options that take the next word.
std::string value_pattern(std::span<const Option> options) {
  std::string words;
  for (const Option& row : options) {
    if (!row.takes_value) continue;
    words += cat(words.empty() ? "" : "|", "--", row.name);
    if (row.letter != 0) words += cat("|-", row.letter);
  }
  return words.empty() ? std::string("''") : words;
}

// The same as words with spaces between them.
std::string value_words(std::span<const Option> options) {
  std::string words;
  for (const Option& row : options) {
    if (!row.takes_value) continue;
    words += cat(words.empty() ? "" : " ", "--", row.name);
    if (row.letter != 0) words += cat(" -", row.letter);
  }
  return words;
}

std::string names_of(std::span<const Verb* const> verbs) {
  std::string names;
  for (const Verb* verb : verbs)
    if (!verb->hidden) names += cat(verb->name, " ");
  return names;
}

std::string groups_of(std::span<const Verb* const> verbs) {
  std::string names;
  for (const Verb* verb : verbs)
    if (!verb->verbs.empty()) names += cat(names.empty() ? "" : "|", verb->name);
  return names.empty() ? std::string("''") : names;
}

void append_cases(std::string& out, std::string_view prefix, std::span<const Verb* const> verbs) {
  for (const Verb* verb : verbs) {
    if (verb->hidden) continue;
    std::string path = cat(prefix, prefix.empty() ? "" : " ", verb->name);
    if (!verb->verbs.empty()) {
      out += cat("    '", path, "') options='", names_of(verb->verbs), "help --help';;\n");
      append_cases(out, path, verb->verbs);
      continue;
    }
    out +=
        cat("    '", path, "')\n      options='", option_words(verb->options), "'; names='", verb->candidates,
            "'; later='", verb->later_candidates, "'; valued='", value_words(verb->options), "';;\n");
  }
}

}  // namespace

std::string bash_completion(const Program& program) {
  std::string function(program.name);
  for (char& letter : function)
    if (letter == '-') letter = '_';
  std::string names = names_of(program.verbs);
  std::string cases;
  append_cases(cases, "", program.verbs);
  return cat("# bash completion for ", program.name, ", written by `", program.name, " completion`\n_",
             function,
             "() {\n"
             "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
             "  local verb='' options='' names='' later='' valued='' given=0 first=$COMP_CWORD i\n"
             "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
             "    case ${COMP_WORDS[i]} in\n"
             "      ",
             value_pattern(program.options),
             ") ((i++));;\n"
             "      -*) ;;\n"
             "      *) case $verb in\n"
             "           '') verb=${COMP_WORDS[i]}; first=$((i + 1));;\n"
             "           ",
             groups_of(program.verbs),
             ") verb+=\" ${COMP_WORDS[i]}\"; first=$((i + 1)); break;;\n"
             "           *) break;;\n"
             "         esac;;\n"
             "    esac\n"
             "  done\n"
             "  case $verb in\n"
             "    '') options='",
             names, "help ", option_words(program.options), "'; valued='", value_words(program.options),
             "';;\n", cases, "    help) options='", names,
             "';;\n"
             "  esac\n"
             "  if [[ \" $valued \" == *\" $previous \"* ]]; then\n"
             "    COMPREPLY=($(compgen -f -- \"$current\")); return\n"
             "  fi\n"
             "  for ((i = first; i < COMP_CWORD; i++)); do\n"
             "    case ${COMP_WORDS[i]} in\n"
             "      -*) [[ \" $valued \" == *\" ${COMP_WORDS[i]} \"* ]] && ((i++));;\n"
             "      *) ((given++));;\n"
             "    esac\n"
             "  done\n"
             "  if [[ $given -gt 0 && -n $later ]]; then names=$later; fi\n"
             "  if [[ -n $names && $current != -* ]]; then options=$(",
             program.name,
             " $names 2>/dev/null); fi\n"
             "  COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
             "}\n"
             "complete -o filenames -F _",
             function, " ", program.name, "\n");
}

}  // namespace shoji::cli
