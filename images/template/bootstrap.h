#pragma once
// mmdebstrap(1): from packages to a root filesystem.
#include <string>
#include <vector>

#include "base/error.h"

namespace shoji::images {

struct Bootstrap {
  std::string suite, variant;
  std::vector<std::string> sources;  // mirrors, or a file of sources
  std::vector<std::string> packages, exclude;
  std::string base_tar;          // a root to go on from; then variant counts no more
  std::string files_tar;         // unpacked over the packages
  std::vector<std::string> run;  // inside the root, in the end
  std::string root;              // the directory to make
};

// What maintainer scripts find as SOURCE_DATE_EPOCH: a day that is before every package and after 1970, for what counts
// days since then (the last change of a password).
inline constexpr int64_t kScriptEpoch = 946'684'800;  // 2000-01-01

// The command line, for the test as well.
std::vector<std::string> bootstrap_arguments(const Bootstrap& bootstrap);
Result<> run_bootstrap(const Bootstrap& bootstrap);

}  // namespace shoji::images
