#include "runtime/cpu_list.h"

#include <algorithm>
#include <charconv>

namespace shoji {
namespace {

constexpr uint32_t kMost = 8191;  // the kernel's CONFIG_NR_CPUS limit

bool take_number(std::string_view& text, uint32_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > kMost) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

void trim(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

}  // namespace

Result<std::string> cpu_list_mask(std::string_view list, std::string_view name) {
  auto wrong = [&] {
    return fail(Kind::kInvalid, cat(name, " ", quote(list), ": not a list such as \"0-3,8\""));
  };
  std::string mask;
  std::string_view rest = list;
  trim(rest);
  while (!rest.empty()) {
    uint32_t first = 0;
    if (!take_number(rest, first)) return wrong();
    uint32_t last = first;
    trim(rest);
    if (!rest.empty() && rest.front() == '-') {
      rest.remove_prefix(1);
      trim(rest);
      if (!take_number(rest, last) || last < first) return wrong();
      trim(rest);
    }
    mask.resize(std::max(mask.size(), (static_cast<size_t>(last) / 64 + 1) * 8));
    for (uint32_t bit = first; bit <= last; ++bit)
      mask[bit / 8] = static_cast<char>(mask[bit / 8] | 1 << bit % 8);
    if (rest.empty()) break;
    if (rest.front() != ',') return wrong();
    rest.remove_prefix(1);
    trim(rest);
    if (rest.empty()) return wrong();
  }
  if (mask.empty()) return wrong();
  return mask;
}

}  // namespace shoji
