#pragma once
// Extended attributes of a path itself, never of what a symbolic link leads to.
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace shoji::images {

// Sorted by name. A filesystem without xattrs has none.
Result<std::vector<std::pair<std::string, std::string>>> list_xattrs(const std::string& path);
// Of what was opened, with O_PATH or otherwise.
Result<std::vector<std::pair<std::string, std::string>>> list_opened_xattrs(int fd);
// Empty when it is not there, which no overlay attribute ever is.
std::string xattr_of(const std::string& path, const std::string& name);
bool has_xattr(const std::string& path, const std::string& name);
Result<> copy_xattrs(const std::string& from, const std::string& to);

}  // namespace shoji::images
