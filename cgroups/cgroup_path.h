#pragma once
// linux.cgroupsPath as a value: no file is touched here.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shoji {

// The path with "." and ".." resolved as text, never leading above its start. An absolute path stays
// absolute, the root is "/" or "".
std::string clean_cgroup_path(std::string_view path);

// One of the path's components is "..".
bool has_dot_dot(std::string_view path);

// The parent directory of an absolute path; "/" for a path with one component.
std::string parent_of(const std::string& path);

// `path` is `directory` or below it.
bool is_at_or_below(std::string_view path, std::string_view directory);

// The caller's own cgroup out of the text of /proc/self/cgroup: that of the v1 hierarchy `name`
// ("cpu,cpuacct", "name=systemd"), or of the unified one (empty name). kNotFound when it is not in the text.
Result<std::string> own_cgroup(std::string_view proc_self_cgroup, std::string_view name);

}  // namespace shoji
