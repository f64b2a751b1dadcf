#pragma once
// The 512-byte header block: v7, ustar (POSIX.1-2017, pax, "ustar Interchange Format"), GNU (tar's tar.h), star.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace shoji::images {

inline constexpr size_t kTarBlock = 512;

struct TarField {
  uint16_t offset, size;
};
namespace tar_field {
inline constexpr TarField kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kLink{157, 100}, kMagic{257, 8}, kUser{265, 32},
    kGroup{297, 32}, kMajor{329, 8}, kMinor{337, 8}, kPrefix{345, 155};
inline constexpr TarField kStarPrefix{345, 131}, kStarTrailer{508, 4};
// GNU tar's old sparse files: pairs of offset and size, 12 bytes each.
inline constexpr TarField kGnuAtime{345, 12}, kGnuMap{386, 96}, kGnuMore{482, 1}, kGnuRealSize{483, 12};
inline constexpr TarField kGnuNextMap{0, 504}, kGnuNextMore{504, 1};
}  // namespace tar_field

enum class TarDialect : uint8_t { kV7, kUstar, kGnu, kStar };

// A number in octal digits, or in base 256 (GNU, star), which can be negative. nullopt: neither, or beyond 64 bits.
std::optional<int64_t> parse_tar_number(std::string_view field);

// A view of a block that lives elsewhere.
class TarBlock {
 public:
  explicit TarBlock(std::span<const char, kTarBlock> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::string_view raw(TarField field) const {
    return {bytes_.data() + field.offset, field.size};
  }
  [[nodiscard]] std::string_view text(TarField field) const;  // up to its NUL
  [[nodiscard]] std::optional<int64_t> number(TarField field) const { return parse_tar_number(raw(field)); }
  [[nodiscard]] char type() const { return bytes_[tar_field::kType.offset]; }
  [[nodiscard]] TarDialect dialect() const;
  [[nodiscard]] bool is_zero() const;
  // Historic writers added signed bytes; both sums are known in the wild.
  [[nodiscard]] bool has_good_checksum() const;

 private:
  std::span<const char, kTarBlock> bytes_;
};

// What belongs into kChecksum, and that block's sum with the field taken as blanks.
uint32_t tar_checksum(std::span<const char, kTarBlock> bytes);

}  // namespace shoji::images
