#pragma once
// Paths as text. Nothing here looks at the filesystem: resolving below a container's root is the kernel's
// business (openat2(2)), these functions only compare and join what a configuration says.
#include <string>
#include <string_view>

namespace shoji {

// The absolute path with ".", ".." and repeated slashes removed; ".." never leads above "/". A relative path
// is taken from "/".
std::string clean_path(std::string_view path);

// `path` when it is absolute, else `directory`/`path`.
std::string join_path(std::string_view directory, std::string_view path);

// Clean paths only: `path` is `directory` or lies below it.
bool is_at_or_below_path(std::string_view path, std::string_view directory);

// The last component: "null" of "/dev/null".
std::string_view base_name(std::string_view path);

}  // namespace shoji
