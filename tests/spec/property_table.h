#pragma once
// tests/spec/data/runtime-spec-1.3.tsv: every property of the specification's documents.
#include <string>
#include <string_view>
#include <vector>

#include "base/io.h"
#include "tests/catch.h"

namespace shoji {

struct Property {
  std::string document, pointer, type;
  bool required = false;
  std::vector<std::string> names;         // the values an enumeration lists
  std::string minimum, maximum, pattern;  // "" when there is none
};

inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    size_t end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

inline std::string data_file(std::string_view name) {
  auto text = read_file(cat(SHOJI_SOURCE_DIR, "/tests/spec/data/", name));
  REQUIRE(text);
  return *text;
}

inline std::vector<Property> properties(std::string_view document) {
  std::vector<Property> out;
  for (const std::string& line : split(data_file("runtime-spec-1.3.tsv"), '\n')) {
    std::vector<std::string> cells = split(line, '\t');
    if (cells.size() != 5 || cells[0] != document) continue;
    Property property{cells[0], cells[1], cells[2], cells[3] == "required", {}, {}, {}, {}};
    if (cells[4].starts_with("pattern=")) {
      property.pattern = cells[4].substr(8);
    } else {
      for (const std::string& word : split(cells[4], ' ')) {
        if (word.starts_with("minimum=")) {
          property.minimum = word.substr(8);
        } else if (word.starts_with("maximum=")) {
          property.maximum = word.substr(8);
        } else if (!word.empty() && !word.starts_with("minItems=")) {
          property.names.push_back(word);
        }
      }
    }
    out.push_back(std::move(property));
  }
  return out;
}

}  // namespace shoji
