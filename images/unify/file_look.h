#pragma once
// What two files must have in common to become one.
#include <sys/stat.h>

#include <map>
#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::images {

struct FileLook {
  UniqueFd fd;
  struct stat st{};
  std::map<std::string, std::string> xattrs;
  std::string key;  // 32 hex digits: of all but the middle of the content
};

// A regular file; others are kInvalid.
Result<FileLook> look_at_file(int dir, const std::string& name);
// Reads both to the first difference.
Result<bool> are_equal(const FileLook& a, const FileLook& b);
// A file of its own at `to` below `to_dir` (which does not exist), equal to `from`.
Result<> copy_file(const FileLook& from, int to_dir, const std::string& to);

}  // namespace shoji::images
