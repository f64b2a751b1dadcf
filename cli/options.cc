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

bool is_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

// Takes the option at `words[at]` and moves `at` to its last word.
Result<> take_option(std::span<const Option> options, void* target, std::span<char* const> words, size_t& at,
                     bool& help) {
  std::string_view word = words[at];
  std::string_view name = word.substr(word.starts_with("--") ? 2 : 1);
  size_t equals = name.find('=');
  bool has_value = equals != std::string_view::npos;
  std::string_view value = has_value ? name.substr(equals + 1) : std::string_view();
  name = name.substr(0, equals);
  if (name == "help" || name == "h") {
    help = true;
    return {};
  }
  const Option* row = find_option(options, name);
  if (row == nullptr)
    return fail(Kind::kInvalid, cat("unknown option ", quote(word.substr(0, word.find('=')))));
  if (!has_value && row->takes_value) {
    if (at + 1 == words.size())
      return fail(Kind::kInvalid, cat("option ", quote(word), " needs an argument"));
    value = words[++at];
  } else if (!has_value) {
    value = "true";
  }
  if (auto stored = row->set(target, value); !stored)
    return Failure(within(cat("option ", quote(cat("--", row->name))), stored.error()));
  return {};
}

}  // namespace

Result<Parsed> parse_options(std::span<const Option> options, void* target, std::span<char* const> words,
                             Order order) {
  Parsed parsed;
  size_t at = 0;
  for (; at < words.size(); ++at) {
    std::string_view word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (is_option(word)) {
      TRY(take_option(options, target, words, at, parsed.help));
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
