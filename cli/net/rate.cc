#include "cli/net/rate.h"

#include <algorithm>
#include <charconv>

#include "base/quantity.h"

namespace shoji::cli::net {

namespace {

constexpr char kUnits[] = {'k', 'm', 'g', 't'};
constexpr uint64_t kMostUnits = 1'000'000;  // of the largest: far above any link, far below an overflow

Failure bad(std::string_view text) {
  return fail(Kind::kInvalid, cat(quote(text), " is not a rate, as 100mbit, 1.5gbit, or 12M bytes a second"));
}

bool is_bits(std::string_view text) {
  return text.size() > 3 && (text.ends_with("bit") || text.ends_with("Bit"));
}

Result<uint64_t> parse_bits(std::string_view text) {
  std::string_view rest = text.substr(0, text.size() - 3);
  uint64_t factor = 1'000'000;  // millionths, for what is behind a point
  uint64_t unit = 1;
  char last = static_cast<char>(rest.back() | 0x20);
  for (uint64_t scale = 1000; char letter : kUnits) {
    if (last == letter) unit = scale;
    scale *= 1000;
  }
  if (unit != 1) rest.remove_suffix(1);
  uint64_t whole = 0, millionths = 0;
  auto [at, error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
  if (error != std::errc() || whole > kMostUnits * 1'000'000'000'000 / unit) return bad(text);
  const char* end = rest.data() + rest.size();
  if (at != end && *at == '.' && at + 1 != end) {
    for (++at; at != end && *at >= '0' && *at <= '9'; ++at) {
      factor /= 10;
      millionths += factor * static_cast<uint64_t>(*at - '0');
    }
  }
  if (at != end) return bad(text);
  uint64_t bits = whole * unit + millionths * unit / 1'000'000;
  return bits == 0 ? 0 : std::max<uint64_t>(bits / 8, 1);
}

}  // namespace

Result<uint64_t> parse_rate(std::string_view text) {
  if (text == "none") return 0;
  if (is_bits(text)) return parse_bits(text);
  Result<uint64_t> bytes = parse_size(text);
  if (!bytes) return bad(text);
  return *bytes;
}

std::string print_rate(uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return "none";
  uint64_t bits = bytes_per_second * 8;
  std::string unit;
  if (bits % 1000 != 0) return print_size(bytes_per_second);
  for (char letter : kUnits) {
    if (bits % 1000 != 0) break;
    bits /= 1000;
    unit = letter;
  }
  return cat(bits, unit, "bit");
}

}  // namespace shoji::cli::net
