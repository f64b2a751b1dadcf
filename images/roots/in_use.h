#pragma once
// Whether an upper directory is part of a mount, in whatever mount namespace: mounted roots are mostly in those of their
// partitions, which /proc/self/mountinfo does not show.
#include <string>
#include <vector>

#include "images/roots/root_dir.h"

namespace shoji::images {

// Asks the kernel. Takes ~0.3 ms; a root that was never mounted is known not to be without asking.
Result<bool> upper_in_use(const Store& store, const RootDir& dir);
// Overlayfs makes work/work at the first mount.
bool was_ever_mounted(const std::string& disk);

// What /proc/mounts shows as the device of a root's overlay: the root's directory.
Result<std::string> mount_source(const Store& store, std::string_view root);
struct OverlayMount {
  std::string source, point;
};
// Overlays of our mount namespace, in the order of mounting.
Result<std::vector<OverlayMount>> overlay_mounts();
// Where mounts with that source are in our mount namespace.
Result<std::vector<std::string>> mount_points_of(const std::string& source);

}  // namespace shoji::images
