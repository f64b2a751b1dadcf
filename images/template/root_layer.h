#pragma once
// A root filesystem, or what it has on top of the one it was made from, as the tar of a layer (layer.md).
#include "images/template/root_tree.h"

namespace shoji::images {

// `tar` is the one that `tree` was scanned from. Members come in its order, with the times of `times`; then
// /usr/share/shoji/packages. `base` empty: everything.
Result<> write_root(ByteSource& tar, const UnpackLimits& limits, const RootTree& tree, const RootTree& base,
                    const BuildTimes& times, ByteSink& out);

}  // namespace shoji::images
