#include "images/registry/challenge.h"

#include <optional>

namespace shoji::images {

namespace {

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~/";  // '/' and '=' end a token68
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

struct Scanner {
  std::string_view rest;

  void skip(std::string_view characters) {
    size_t begin = rest.find_first_not_of(characters);
    rest.remove_prefix(begin == std::string_view::npos ? rest.size() : begin);
  }
  std::string_view token() {
    size_t size = 0;
    while (size < rest.size() && is_token_character(rest[size])) size++;
    std::string_view found = rest.substr(0, size);
    rest.remove_prefix(size);
    return found;
  }
  std::optional<std::string> quoted() {
    std::string text;
    for (size_t i = 1; i < rest.size(); i++) {
      if (rest[i] == '"') {
        rest.remove_prefix(i + 1);
        return text;
      }
      if (rest[i] == '\\' && i + 1 < rest.size()) i++;
      text += rest[i];
    }
    return std::nullopt;
  }
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> found;
  Scanner scanner{header};
  for (;;) {
    scanner.skip(" \t,");
    std::string name = lower(scanner.token());
    if (name.empty()) return found;
    scanner.skip(" \t");
    if (!scanner.rest.starts_with('=') || found.empty()) {  // not a parameter: the next scheme
      found.push_back({.scheme = std::move(name), .parameters = {}});
      continue;
    }
    scanner.rest.remove_prefix(1);
    scanner.skip(" \t");
    if (scanner.rest.starts_with('"')) {
      std::optional<std::string> value = scanner.quoted();
      if (!value) return found;
      found.back().parameters[name] = std::move(*value);
    } else {
      found.back().parameters[name] = scanner.token();
    }
  }
}

}  // namespace shoji::images
