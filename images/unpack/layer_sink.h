#pragma once
// Where the members of a layer go. A sink checks paths by itself: it is the border to the filesystem.
#include <memory>
#include <string_view>

#include "images/store/store.h"
#include "images/tar/tar_reader.h"

namespace shoji::images {

class LayerSink {
 public:
  virtual ~LayerSink() = default;
  // One member; the file's bytes are read from `data`.
  virtual Result<> add(const TarEntry& entry, TarReader& data) = 0;
  // After the last one: what waits for the end (times of directories), and everything is written out. The layer is at
  // `directory`, a private directory below tmp/, and complete.
  virtual Result<> finish() = 0;
};

// `tree/` below `directory`: a directory tree that overlayfs takes as a lower layer. Whiteouts become 0:0 character
// devices, opaque directories carry trusted.overlay.opaque and user.overlay.opaque. Every path is resolved by openat2(2)
// below the tree (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS for parents); a member that would leave it is kInvalid.
Result<std::unique_ptr<LayerSink>> tree_sink(const Store& store, const std::string& directory);
Result<std::unique_ptr<LayerSink>> tree_sink(const UnpackLimits& limits, const std::string& directory);
// `index` below `directory`, and objects/: contents by digest, no tree at all (images/erofs/layer_index.h).
Result<std::unique_ptr<LayerSink>> object_sink(const Store& store, const std::string& directory);

// The clean path of a member relative to the root: "usr/bin/x", "" for the root itself. Absolute paths are taken from
// the root as every runtime does; ".." that leaves the root, NUL, or a component over the limit is kInvalid.
Result<std::string> member_path(std::string_view path, const UnpackLimits& limits);
// OCI layer.md: ".wh.NAME" hides NAME, ".wh..wh..opq" makes the directory opaque; other ".wh..wh." names are reserved.
// ".wh." alone, ".wh.." and ".wh..." are reserved as well, and refused. `name` may be a path.
enum class Whiteout : uint8_t { kNone, kFile, kOpaque, kReserved };
Whiteout whiteout_kind(std::string_view name);
// False for xattrs that a sink drops: trusted.overlay.* and user.overlay.* are orders to overlayfs (a redirect leads
// into other layers), and labels and signatures for SELinux, IMA and EVM are the host's to give.
bool is_layer_xattr(std::string_view name);

}  // namespace shoji::images
