#pragma once
// An overlay mount as data, and how it is made on each kernel.
//
//   >= 6.13  layers are handed over as descriptors; no limit but overlayfs' own 500
//   >= 6.5   `lowerdir+` and `datadir+`, one layer each, by /proc/self/fd
//   before   mount(2): all layers in one page of options, named by the numbers of descriptors, which are the shortest
//            names there are: with /proc/self/fd as working directory "17:18:19" are three layers
//
// Before 6.15 overlayfs takes layers only from mounts of the caller's mount namespace, so that a helper attaches them in
// a private one. Either way the host's mount table never sees anything but the finished root.
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace shoji::images {

inline constexpr size_t kOverlayLayerLimit = 500;  // OVL_MAX_STACK of fs/overlayfs/params.h

// A directory that layers lie in. All layers of a base share one mount, id-mapped if there is a map: the number of
// mounts does not depend on the number of layers.
struct LayerBase {
  enum class Type : uint8_t { kDirectory, kErofsFile, kEmpty };
  Type type = Type::kDirectory;
  std::string path;    // a directory, an erofs file; kEmpty: an empty filesystem in memory
  bool mapped = true;  // false: left as it is even if there is a map
};
struct LayerPlace {
  size_t base = 0;   // index into OverlayPlan::bases
  std::string path;  // below it; empty: the base itself
};

struct OverlayPlan {
  std::string name;    // for messages: root "web1"
  std::string source;  // what /proc/mounts shows as the device
  std::vector<LayerBase> bases;
  std::vector<LayerPlace> lowers;  // topmost first
  std::vector<LayerPlace> data;    // data-only layers (overlayfs.rst), below all others
  bool has_upper = false;
  LayerPlace upper, work;
  // Copies of the lower root's owner and mode belong on an upper that was never mounted.
  bool fresh_upper = false;
  bool metacopy = false, userxattr = false, no_sync = false;
};

struct OverlayHost {
  int version = 0;  // kernel_version()
  bool force_legacy = false;
  int user_namespace = -1;  // id map of the layers; -1: none
  // What root is in that map. Overlayfs makes files (its work directory, whiteouts, copies) as whoever mounted it, and
  // that has to be somebody whom the map of the upper knows.
  int64_t mapped_uid = -1, mapped_gid = -1;
};

// The mount options but for the layers, as "key=value" or "key".
std::vector<std::string> overlay_options(const OverlayPlan& plan);
// A composed image's metadata alone, detached. kUnsupported before Linux 6.12.
Result<UniqueFd> mount_erofs(const std::string& path, int version);
Result<UniqueFd> mount_overlay(const OverlayPlan& plan, const OverlayHost& host);

}  // namespace shoji::images
