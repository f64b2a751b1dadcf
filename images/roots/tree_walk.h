#pragma once
// Compares two directory trees, entry by entry in path order. Where upper directories are known, only what they touch is
// looked at: the rest of a root is its image's.
#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "images/roots/root.h"

namespace shoji::images {

struct TreeWalk {
  int before = -1, after = -1;  // root directories
  // Upper directories of overlayfs between the two, in any order; with none, everything is compared.
  std::vector<std::string> uppers;
  // Whether two files that are in both trees are the same one.
  std::function<Result<bool>(const std::string& path, const struct stat& before, const struct stat& after)>
      same;
  // Every difference; a directory comes before what is in it. `path` is absolute.
  std::function<Result<>(const Change&)> found;

  [[nodiscard]] Result<> run() const;
};

// Compares type, mode, owner, size, device and time of the last change; not what is in it.
bool same_attributes(const struct stat& before, const struct stat& after);
// Opens below a root directory; symbolic links on the way are not followed, and lead nowhere else.
Result<UniqueFd> open_below(int root, const std::string& path, int flags);

}  // namespace shoji::images
