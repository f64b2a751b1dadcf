#pragma once
// A bundle: a directory with config.json and usually the root filesystem (bundle.md).
#include <string>
#include <string_view>

#include "base/error.h"
#include "spec/spec.h"

namespace shoji {

struct Bundle {
  std::string path;       // absolute, symlinks resolved
  std::string root_path;  // spec.root.path made absolute
  Spec spec;

  // Reads `directory`/config.json (or `config_file`, which is relative to the working directory), loads and
  // validates it. Files over 64 MiB are refused.
  static Result<Bundle> load(std::string_view directory, std::string_view config_file = {});
};

}  // namespace shoji
