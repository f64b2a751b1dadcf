#pragma once
// Printed JSON as a part of other JSON.
#include <string>
#include <string_view>

namespace shoji::cli::net {

// Every line of it further to the right, without its last line end. Strings of JSON have no line ends.
inline std::string indented(std::string_view json, size_t spaces) {
  std::string out(spaces, ' ');
  while (json.ends_with('\n')) json.remove_suffix(1);
  for (char c : json) {
    out += c;
    if (c == '\n') out.append(spaces, ' ');
  }
  return out;
}

}  // namespace shoji::cli::net
