#pragma once
// The features document (features.md), derived from the tables that load and parse the configuration.
#include <string>
#include <string_view>
#include <vector>

namespace shoji {

// What the tables of this floor cannot tell.
struct BuildFeatures {
  std::string_view version = {};                     // of this runtime
  std::string_view libseccomp_version = {};          // "2.5.4"; empty: built without seccomp
  std::vector<std::string_view> seccomp_flags = {};  // those that this libseccomp can set
  bool systemd_cgroups = false;
  bool checkpoint = false;
};

// Indented, without a newline at the end.
std::string print_features(const BuildFeatures& build);

}  // namespace shoji
