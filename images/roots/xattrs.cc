#include "images/roots/xattrs.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

namespace shoji::images {
namespace {

constexpr size_t kXattrLimit = 64 << 10;  // XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h

// Of the thing itself, or of what /proc/self/fd/N stands for.
struct Calls {
  ssize_t (*list)(const char*, char*, size_t);
  ssize_t (*get)(const char*, const char*, void*, size_t);
};
constexpr Calls kItself{llistxattr, lgetxattr}, kOpened{listxattr, getxattr};

Result<std::vector<std::string>> names_of(const Calls& calls, const std::string& path) {
  std::vector<std::string> names;
  std::string list(1024, '\0');
  ssize_t n = calls.list(path.c_str(), list.data(), list.size());
  if (n < 0 && errno == ERANGE) {
    list.resize(kXattrLimit);
    n = calls.list(path.c_str(), list.data(), list.size());
  }
  if (n < 0 && errno == ENOTSUP) return names;
  if (n < 0) return fail_errno(errno, cat("list the attributes of ", quote(path)));
  list.resize(static_cast<size_t>(n));
  for (size_t at = 0; at < list.size();) {
    size_t end = list.find('\0', at);
    names.push_back(list.substr(at, end - at));
    at = end == std::string::npos ? list.size() : end + 1;
  }
  std::ranges::sort(names);
  return names;
}

Result<std::string> value_of(const Calls& calls, const std::string& path, const std::string& name) {
  std::string value(256, '\0');
  ssize_t n = calls.get(path.c_str(), name.c_str(), value.data(), value.size());
  if (n < 0 && errno == ERANGE) {
    value.resize(kXattrLimit);
    n = calls.get(path.c_str(), name.c_str(), value.data(), value.size());
  }
  if (n < 0) return fail_errno(errno, cat("read attribute ", quote(name), " of ", quote(path)));
  value.resize(static_cast<size_t>(n));
  return value;
}

Result<std::vector<std::pair<std::string, std::string>>> list_by(const Calls& calls,
                                                                 const std::string& path) {
  std::vector<std::pair<std::string, std::string>> out;
  TRY_ASSIGN(std::vector<std::string> names, names_of(calls, path));
  for (std::string& name : names) {
    TRY_ASSIGN(std::string value, value_of(calls, path, name));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> list_xattrs(const std::string& path) {
  return list_by(kItself, path);
}

Result<std::vector<std::pair<std::string, std::string>>> list_opened_xattrs(int fd) {
  return list_by(kOpened, cat("/proc/self/fd/", fd));
}

std::string xattr_of(const std::string& path, const std::string& name) {
  auto value = value_of(kItself, path, name);
  return value ? std::move(*value) : std::string();
}

bool has_xattr(const std::string& path, const std::string& name) {
  return lgetxattr(path.c_str(), name.c_str(), nullptr, 0) >= 0;
}

Result<> copy_xattrs(const std::string& from, const std::string& to) {
  TRY_ASSIGN(auto attributes, list_xattrs(from));
  for (const auto& [name, value] : attributes)
    if (lsetxattr(to.c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
      return fail_errno(errno, cat("set attribute ", quote(name), " of ", quote(to)));
  return {};
}

}  // namespace shoji::images
