#pragma once
// One member of a tar archive, whatever its dialect (v7, ustar, GNU, pax; sparse in GNU's and pax' ways).
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace shoji::images {

enum class EntryType : uint8_t { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

struct Extent {
  uint64_t offset = 0, size = 0;
};

struct TarEntry {
  std::string path;  // as the archive says it, "./" and trailing slashes included
  std::string link;  // target of hard and symbolic links
  EntryType type = EntryType::kFile;
  mode_t mode = 0;  // permission bits, set-id bits and sticky bit
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t size = 0;  // of the file; the stored bytes of a sparse one are fewer
  int64_t mtime = 0;  // seconds
  uint32_t mtime_ns = 0;
  uint32_t device_major = 0, device_minor = 0;
  bool sparse = false;
  std::vector<Extent> extents;                              // of a sparse file: where there is data
  std::vector<std::pair<std::string, std::string>> xattrs;  // SCHILY.xattr.*; ACLs as system.posix_acl_*
};

}  // namespace shoji::images
