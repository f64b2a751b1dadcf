#pragma once
// Users as the container's own files define them. No NSS: a static program must not load the host's modules, and the
// answer is the image's (passwd(5)).
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace shoji {

// The home directory of `uid` in etc/passwd below the directory `root`; empty when there is no such line or file.
std::optional<std::string> home_of(int root, uint32_t uid);

struct FoundUser {
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;  // additional ones, of group(5)
};
// "", "www-data", "33", "www-data:staff", "33:50" as in image-spec config.md: names and groups by etc/passwd and etc/group
// below `root`. A number need not be there. kNotFound.
Result<FoundUser> find_user(int root, std::string_view text);

// As in runc: a HOME that is missing or empty (of several the last counts) becomes that directory, else "/".
void add_home(std::vector<std::string>& env, int root, uint32_t uid);

}  // namespace shoji
