#pragma once
// The files that hold credentials, and where in them what stands.
#include <string>
#include <vector>

#include "base/json.h"

namespace shoji::images {

inline constexpr size_t kAuthFileLimit = 1 << 20;

struct AuthFile {
  std::string path;
};
// In the order of lookup; they need not exist. The first one is written.
std::vector<AuthFile> auth_files();

// What docker wrote as a registry's name in older times, and still does for Docker Hub.
std::vector<std::string> old_keys(const std::string& registry);

// The credential helper that a file names for a registry: its credHelpers, else its credsStore; empty: none.
std::string helper_in(Json root, const std::string& registry);

}  // namespace shoji::images
