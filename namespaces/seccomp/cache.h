#pragma once
// Compiled seccomp filters on disk. libseccomp takes milliseconds for a profile of Docker's size; a hit is one small file.
//
// Who can write here decides what containers may do: the directory must belong to this user and be writable for nobody
// else. Files are named by a hash, which anybody may collide: the profile's whole text is stored and compared.
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "namespaces/seccomp/filter.h"

namespace shoji {

class SeccompCache {
 public:
  // Makes the directory (0700) when it is absent. An error means: do without.
  static Result<SeccompCache> open(const std::string& directory);

  // Empty when the profile is not there, was compiled by other versions, or its file is damaged.
  [[nodiscard]] std::optional<SeccompFilter> find(std::string_view profile) const;

  // tmp + rename: a reader sees a whole file or none. There are at most kFiles files, later ones replace earlier ones.
  Result<> store(std::string_view profile, const SeccompFilter& filter) const;

  static constexpr unsigned kFiles = 256;
  static constexpr size_t kMaxProfile = size_t{1} << 20;  // longer texts are compiled each time

 private:
  explicit SeccompCache(UniqueFd dir) : dir_(std::move(dir)) {}
  UniqueFd dir_;
};

}  // namespace shoji
