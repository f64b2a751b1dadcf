#include "cli/options.h"

namespace shoji::cli {

namespace detail {

Result<> store(bool& member, std::string_view value) {
  // The spellings of Go's strconv.ParseBool, which `--flag=value` takes in runc.
  for (std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == word) {
      member = true;
      return {};
    }
  for (std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == word) {
      member = false;
      return {};
    }
  return fail(Kind::kInvalid, cat(quote(value), " is neither true nor false"));
}

Result<> store(std::string& member, std::string_view value) {
  member = value;
  return {};
}

Result<> store(uint32_t& member, std::string_view value) {
  uint32_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size())
    return fail(Kind::kInvalid, cat(quote(value), " is not a number from 0 to 4294967295"));
  member = number;
  return {};
}

Result<> store(std::vector<std::string>& member, std::string_view value) {
  member.emplace_back(value);
  return {};
}

Result<> store(std::vector<uint32_t>& member, std::string_view value) {
  uint32_t number = 0;
  TRY(store(number, value));
  member.push_back(number);
  return {};
}

}  // namespace detail

namespace {

const Option* find_option(std::span<const Option> options, std::string_view name) {
  for (const Option& row : options)
    if (row.name == name || (name.size() == 1 && row.letter == name[0])) return &row;
  return nullptr;
}

const Option* find_letter(std::span<const Option> options, char letter) {
  for (const Option& row : options)
    if (row.letter == letter) return &row;
  return nullptr;
}

bool is_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

class Parser {
 public:
  Parser(std::span<const Option> options, void* target, std::span<char* const> words)
      : options_(options), target_(target), words_(words) {}

  // Takes the option at `at` and moves it to the option's last word.
  Result<> take(size_t& at, Dialect dialect) {
    std::string_view word = words_[at];
    bool long_name = word.starts_with("--");
    if (dialect == Dialect::kPosix && !long_name) return take_letters(at);
    std::string_view name = word.substr(long_name ? 2 : 1);
    size_t equals = name.find('=');
    bool has_value = equals != std::string_view::npos;
    std::string_view value = has_value ? name.substr(equals + 1) : std::string_view();
    name = name.substr(0, equals);
    if (name == "help" || (name == "h" && dialect == Dialect::kUrfave)) {
      help = true;
      return {};
    }
    const Option* row = find_option(options_, name);
    if (row == nullptr || (dialect == Dialect::kPosix && row->name != name))
      return fail(Kind::kInvalid, cat("unknown option ", quote(word.substr(0, word.find('=')))));
    if (!has_value && row->takes_value) {
      TRY_ASSIGN(value, next_word(word, at));
    } else if (!has_value) {
      value = "true";
    }
    return set(*row, value);
  }

  bool help = false;

 private:
  Result<std::string_view> next_word(std::string_view option, size_t& at) {
    if (at + 1 == words_.size())
      return fail(Kind::kInvalid, cat("option ", quote(option), " needs an argument"));
    return words_[++at];
  }

  Result<> set(const Option& row, std::string_view value) {
    auto stored = row.set(target_, value);
    if (!stored) return Failure(within(cat("option ", quote(cat("--", row.name))), stored.error()));
    return {};
  }

  // "-a", "-af", "-oVALUE", "-o=VALUE", "-o VALUE"
  Result<> take_letters(size_t& at) {
    std::string_view letters = std::string_view(words_[at]).substr(1);
    for (size_t i = 0; i < letters.size(); ++i) {
      const Option* row = find_letter(options_, letters[i]);
      std::string_view rest = letters.substr(i + 1);
      if (row == nullptr && letters[i] == 'h') {
        help = true;
        return {};
      }
      if (row == nullptr)
        return fail(Kind::kInvalid, cat("unknown option ", quote(cat("-", letters.substr(i, 1)))));
      bool equals = rest.starts_with('=');
      if (equals) rest.remove_prefix(1);
      if (!row->takes_value && !equals) {
        TRY(set(*row, "true"));
        continue;
      }
      if (rest.empty() && !equals) {
        TRY_ASSIGN(rest, next_word(cat("-", letters.substr(i, 1)), at));
      }
      return set(*row, rest);
    }
    return {};
  }

  std::span<const Option> options_;
  void* target_;
  std::span<char* const> words_;
};

}  // namespace

Result<Parsed> parse_options(std::span<const Option> options, void* target, std::span<char* const> words,
                             Order order, Dialect dialect) {
  Parsed parsed;
  Parser parser(options, target, words);
  size_t at = 0;
  for (; at < words.size(); ++at) {
    std::string_view word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (is_option(word)) {
      TRY(parser.take(at, dialect));
      parsed.help = parser.help;
      if (parsed.help) return parsed;
    } else {
      if (order == Order::kOptionsFirst) break;
      parsed.arguments.emplace_back(word);
    }
  }
  for (; at < words.size(); ++at) parsed.arguments.emplace_back(words[at]);
  return parsed;
}

}  // namespace shoji::cli
