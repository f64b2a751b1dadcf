#pragma once
// How a root, or an image, is mounted: shared by the verbs that do.
#include <array>

#include "cli/operator/handed_over.h"
#include "images/roots/root.h"

namespace shoji::cli::op {

struct MountingOptions {
  std::vector<std::string> uids, gids;  // INSIDE:OUTSIDE:COUNT
  [[nodiscard]] Result<> check_mounting() const;
};
template <typename Options>
constexpr std::array<Option, 2> mounting_options() {
  return {
      option_of<Options, &Options::uids>(
          "uidmap", 0, "INSIDE:OUTSIDE:COUNT: files of user INSIDE appear as OUTSIDE's; may be repeated"),
      option_of<Options, &Options::gids>("gidmap", 0, "the same for groups; without it as for users"),
  };
}
// The options were checked.
images::MountOptions mount_options(const MountingOptions& options);

// Mounts it, at the place of its own if `target` is empty; returns where.
Result<std::string> mount_at(const images::Store& store, const images::Root& root, const std::string& target,
                             const MountingOptions& options);

}  // namespace shoji::cli::op
