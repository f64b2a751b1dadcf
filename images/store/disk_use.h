#pragma once
// Bytes on disk that go when files go: a file counts when the last of its names is counted.
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/error.h"

namespace shoji::images {

class DiskUse {
 public:
  Result<> add(int dir, const std::string& name);  // a file, or a directory with all below it
  // All the other names of the file were added.
  [[nodiscard]] bool is_last_name(const struct stat& st) const;
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  void count(const struct stat& st);
  uint64_t bytes_ = 0;
  std::unordered_map<ino_t, nlink_t> seen_;  // of files with several names; a store is on one filesystem
};

}  // namespace shoji::images
