#include "spec/sysctl_name.h"

namespace shoji {
namespace {

std::string with_separator(std::string_view name, char wanted) {
  std::string out(name);
  size_t first = out.find_first_of("./");
  if (first == out.npos || out[first] == wanted) return out;
  for (char& c : out) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return out;
}

}  // namespace

std::string sysctl_dots(std::string_view name) {
  return with_separator(name, '.');
}
std::string sysctl_path(std::string_view name) {
  return with_separator(name, '/');
}

}  // namespace shoji
