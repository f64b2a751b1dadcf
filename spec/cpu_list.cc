#include "spec/cpu_list.h"

#include <charconv>

namespace shoji {
namespace {

constexpr unsigned kGreatest = 8191;

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool parse_number(std::string_view text, unsigned& out) {
  text = trim(text);
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size() && out <= kGreatest;
}

bool parse_range(std::string_view text, unsigned& first, unsigned& last) {
  size_t dash = text.find('-');
  if (!parse_number(text.substr(0, dash), first)) return false;
  last = first;
  return dash == text.npos || (parse_number(text.substr(dash + 1), last) && first <= last);
}

}  // namespace

Result<std::vector<uint64_t>> parse_cpu_list(std::string_view text) {
  std::vector<uint64_t> mask;
  std::string_view rest = trim(text);
  while (!rest.empty()) {
    size_t comma = rest.find(',');
    unsigned first = 0;
    unsigned last = 0;
    if (!parse_range(rest.substr(0, comma), first, last) || comma + 1 == rest.size()) {
      return fail(Kind::kInvalid,
                  cat(quote(text), " is not a list like \"0-3,8\" of numbers up to ", kGreatest));
    }
    if (mask.size() <= last / 64) mask.resize(last / 64 + 1);
    for (unsigned i = first; i <= last; ++i) mask[i / 64] |= uint64_t{1} << (i % 64);
    rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
  }
  return mask;
}

}  // namespace shoji
