#include "base/quantity.h"

#include <charconv>
#include <utility>

namespace shoji {

namespace {

constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P'};

constexpr std::pair<std::string_view, uint64_t> kDurations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

// A decimal with at most three digits behind the point that count, in thousandths; `text` loses what was read.
bool take_thousandths(std::string_view& text, uint64_t& out) {
  uint64_t whole = 0;
  auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole > UINT64_MAX / 2000) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()));
  out = whole * 1000;
  if (!text.starts_with('.')) return true;
  text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  for (uint64_t weight = 100; !text.empty() && text[0] >= '0' && text[0] <= '9'; weight /= 10) {
    out += weight * static_cast<uint64_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return true;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  uint64_t whole = 0;
  const char* first = text.data();
  const char* last = first + text.size();
  auto [at, error] = std::from_chars(first, last, whole);
  auto bad = [&] { return fail(Kind::kInvalid, cat(quote(text), " is not a size, as 512, 10M or 1.5G")); };
  if (error != std::errc()) return bad();
  uint64_t thousandths = 0;
  if (at != last && *at == '.') {
    uint64_t weight = 100;
    for (++at; at != last && *at >= '0' && *at <= '9'; ++at, weight /= 10)
      thousandths += weight * static_cast<uint64_t>(*at - '0');
  }
  while (at != last && *at == ' ') ++at;
  uint64_t factor = 1;
  if (at != last) {
    char letter = *at >= 'a' && *at <= 'z' ? static_cast<char>(*at - 'a' + 'A') : *at;
    unsigned shift = 0;
    for (char unit : kUnits) {
      shift += 10;
      if (unit == letter) factor = uint64_t{1} << shift;
    }
    if (factor != 1) ++at;
  }
  std::string_view rest(at, static_cast<size_t>(last - at));
  if (!rest.empty() && rest != "B" && rest != "b" && !(factor != 1 && (rest == "iB" || rest == "ib")))
    return bad();
  if (whole > UINT64_MAX / factor / 2) return fail(Kind::kInvalid, cat(quote(text), " is too large"));
  return whole * factor + thousandths * factor / 1000;
}

std::string print_size(uint64_t bytes) {
  size_t unit = 0;
  while (unit < std::size(kUnits) && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? std::to_string(bytes) : cat(bytes, kUnits[unit - 1]);
}

Result<uint64_t> parse_duration(std::string_view text) {
  std::string_view rest = text;
  uint64_t total = 0;
  auto bad = [&] {
    return fail(Kind::kInvalid, cat(quote(text), " is not a duration, as 500ms, 10s or 1m30s"));
  };
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    uint64_t thousandths = 0;
    if (!take_thousandths(rest, thousandths)) return bad();
    uint64_t factor = rest.empty() && total == 0 ? 1000 : 0;
    size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    for (const auto& [unit, milliseconds] : kDurations)
      if (rest.substr(0, letters) == unit) factor = milliseconds;
    if (factor == 0) return bad();
    if (thousandths > UINT64_MAX / factor / 2 || total > UINT64_MAX / 2)
      return fail(Kind::kInvalid, cat(quote(text), " is too long"));
    total += thousandths * factor / 1000;
    rest.remove_prefix(letters);
  }
  return total;
}

std::string print_duration(uint64_t milliseconds) {
  if (milliseconds == 0) return "0s";
  std::string out;
  for (size_t i = std::size(kDurations); i-- > 0;) {
    const auto& [unit, size] = kDurations[i];
    if (milliseconds >= size) out += cat(milliseconds / size, unit);
    milliseconds %= size;
  }
  return out;
}

Result<uint64_t> parse_cpus(std::string_view text) {
  std::string_view rest = text;
  uint64_t thousandths = 0;
  if (take_thousandths(rest, thousandths)) {
    if (rest == "%") return thousandths / 100;
    if (rest.empty()) return thousandths;
  }
  return fail(Kind::kInvalid, cat(quote(text), " is no amount of CPU, as 50% (of one CPU) or 1.5 (CPUs)"));
}

std::string print_cpus(uint64_t thousandths) {
  std::string tenth = thousandths % 10 == 0 ? "" : cat('.', thousandths % 10);
  return cat(thousandths / 10, tenth, '%');
}

}  // namespace shoji
