#include "images/tar/tar_block.h"

#include <bit>
#include <cstring>

namespace shoji::images {

namespace {

// Two's complement, big endian; the topmost bit only says that it is one.
std::optional<int64_t> parse_base256(std::string_view field) {
  auto first = static_cast<uint8_t>(field[0]);
  bool negative = (first & 0x40) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<uint8_t>(field[i]);
    if (i == 0 && !negative) byte &= 0x7f;
    // What is shifted out has to be nothing but the sign.
    if ((value >> 55) != (negative ? 0x1ff : 0)) return std::nullopt;
    value = value << 8 | byte;
  }
  return static_cast<int64_t>(value);
}

struct Sums {
  uint32_t plain = 0;     // of unsigned bytes
  uint32_t negative = 0;  // how many bytes have the topmost bit
};

Sums sum_bytes(std::span<const char, kTarBlock> bytes) {
  // Four lanes of 16 bits, each the sum of 128 bytes: at most 32,640.
  constexpr uint64_t kLanes = 0x00ff00ff00ff00ff;
  uint64_t lanes = 0;
  Sums sums;
  for (size_t i = 0; i < kTarBlock; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    memcpy(&word, bytes.data() + i, sizeof word);
    lanes += (word & kLanes) + (word >> 8 & kLanes);
    sums.negative += static_cast<uint32_t>(std::popcount(word & 0x8080808080808080));
  }
  for (; lanes != 0; lanes >>= 16) sums.plain += lanes & 0xffff;
  return sums;
}

constexpr uint32_t kBlankField = 8 * ' ';

}  // namespace

std::optional<int64_t> parse_tar_number(std::string_view field) {
  if (field.empty()) return 0;
  if ((static_cast<uint8_t>(field[0]) & 0x80) != 0) return parse_base256(field);
  size_t at = field.find_first_not_of(std::string_view(" \0", 2));
  if (at == std::string_view::npos) return 0;
  int64_t value = 0;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
    if (value >> 60 != 0) return std::nullopt;
    value = value << 3 | (field[at] - '0');
  }
  for (; at < field.size() && field[at] != '\0'; ++at)
    if (field[at] != ' ') return std::nullopt;
  return value;
}

std::string_view TarBlock::text(TarField field) const {
  std::string_view whole = raw(field);
  return whole.substr(0, whole.find('\0'));
}

TarDialect TarBlock::dialect() const {
  std::string_view magic = raw(tar_field::kMagic);
  if (magic == std::string_view("ustar  \0", 8)) return TarDialect::kGnu;
  if (!magic.starts_with(std::string_view("ustar\0", 6))) return TarDialect::kV7;
  bool star = raw(tar_field::kStarTrailer) == std::string_view("tar\0", 4);
  return star ? TarDialect::kStar : TarDialect::kUstar;
}

bool TarBlock::is_zero() const {
  return bytes_[0] == '\0' && memcmp(bytes_.data(), bytes_.data() + 1, kTarBlock - 1) == 0;
}

uint32_t tar_checksum(std::span<const char, kTarBlock> bytes) {
  uint32_t sum = sum_bytes(bytes).plain + kBlankField;
  for (size_t i = 0; i < tar_field::kChecksum.size; ++i)
    sum -= static_cast<uint8_t>(bytes[tar_field::kChecksum.offset + i]);
  return sum;
}

bool TarBlock::has_good_checksum() const {
  std::optional<int64_t> said = number(tar_field::kChecksum);
  if (!said) return false;
  uint32_t plain = tar_checksum(bytes_);
  if (*said == plain) return true;
  // The field itself is digits and blanks, so no byte of it counts as negative.
  return *said == int64_t{plain} - int64_t{256} * sum_bytes(bytes_).negative;
}

}  // namespace shoji::images
