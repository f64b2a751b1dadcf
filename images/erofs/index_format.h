#pragma once
// The frame of a layer index on disk.
#include <cstdint>
#include <string_view>

namespace shoji::images {

// The name, and the version of the format as the last character.
inline constexpr std::string_view kIndexMagic = "shoji index v001";
inline constexpr size_t kIndexBlock = 64 << 10;      // bytes written at once
inline constexpr size_t kAttributesLimit = 1 << 20;  // of one entry

struct IndexTrailer {
  uint64_t records, checksum;
};
static_assert(sizeof(IndexTrailer) == 16 && kIndexMagic.size() == 16);

}  // namespace shoji::images
