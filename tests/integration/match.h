#pragma once
// `CHECK(text == containing("part"))`, which prints both when it does not hold.
#include <algorithm>
#include <cctype>
#include <ostream>
#include <string>
#include <string_view>

namespace shoji::test {

struct Containing {
  std::string part;
  friend bool operator==(const std::string& text, const Containing& c) {
    return text.find(c.part) != std::string::npos;
  }
  friend std::ostream& operator<<(std::ostream& out, const Containing& c) {
    return out << "(text containing \"" << c.part << "\")";
  }
};

// The same for messages to people, whatever the case: C's error texts begin with a capital, Go's do not.
struct Saying {
  std::string part;
  friend bool operator==(const std::string& text, const Saying& s) {
    return std::search(text.begin(), text.end(), s.part.begin(), s.part.end(),
                       [](char a, char b) { return tolower(a) == tolower(b); }) != text.end();
  }
  friend std::ostream& operator<<(std::ostream& out, const Saying& s) {
    return out << "(text saying \"" << s.part << "\")";
  }
};

inline Saying saying(std::string_view part) {
  return {std::string(part)};
}

inline Containing containing(std::string_view part) {
  return {std::string(part)};
}

// The first line of `text` that begins with `start`, without its end; "" if there is none.
inline std::string line_of(std::string_view text, std::string_view start) {
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at).starts_with(start)) return std::string(text.substr(at, end - at));
    at = end + 1;
  }
  return "";
}

}  // namespace shoji::test
