#pragma once
// Extended headers (POSIX.1-2017 pax), with the keywords of GNU tar, star and libarchive that matter for a file system.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "images/store/config.h"

namespace shoji::images {

inline constexpr size_t kPaxLimit = 1 << 20;     // bytes of one extended header, as Go's archive/tar has it
inline constexpr size_t kSparseLimit = 1 << 18;  // extents of one file

struct TarTime {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
};

// What extended headers say so far. nullopt: the header block says it.
struct PaxHeaders {
  std::optional<std::string> path, link, sparse_name;
  std::optional<uint64_t> size, uid, gid, device_major, device_minor;
  std::optional<TarTime> mtime;
  std::optional<uint64_t> sparse_major, sparse_minor, sparse_size;
  bool sparse = false;               // there is a map in the header (versions 0.0 and 0.1)
  std::vector<uint64_t> sparse_map;  // offset, size, offset, size, ...
  std::vector<std::pair<std::string, std::string>> xattrs;

  // Takes the records of one header; a later record replaces an earlier one.
  Result<> apply(std::string_view records, const UnpackLimits& limits);
};

// "1700000000.123456789", of which what is finer than a nanosecond is cut off downwards.
std::optional<TarTime> parse_pax_time(std::string_view text);
std::optional<uint64_t> parse_decimal(std::string_view text);

}  // namespace shoji::images
