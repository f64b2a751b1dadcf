#include "cgroups/cgroup_path.h"

#include <algorithm>

namespace shoji {

std::string clean_cgroup_path(std::string_view path) {
  bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    size_t end = std::min(path.find('/'), path.size());
    std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string clean = absolute ? "/" : "";
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) clean += '/';
    clean += parts[i];
  }
  return clean;
}

bool has_dot_dot(std::string_view path) {
  for (std::string_view rest = path; !rest.empty();) {
    size_t slash = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, slash) == "..") return true;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return false;
}

std::string parent_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (directory.ends_with('/') || path.size() == directory.size() || path[directory.size()] == '/');
}

Result<std::string> own_cgroup(std::string_view proc_self_cgroup, std::string_view name) {
  // A line is ID:CONTROLLERS:PATH; the unified hierarchy has an empty middle (cgroups(7)).
  std::string_view rest = proc_self_cgroup;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    size_t first = line.find(':');
    size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    if (line.substr(first + 1, second - first - 1) == name) return std::string(line.substr(second + 1));
  }
  return fail(Kind::kNotFound, cat("/proc/self/cgroup does not mention the ",
                                   name.empty() ? std::string("unified") : quote(name), " hierarchy"));
}

}  // namespace shoji
