#pragma once
// Unification of layers that are trees: files of different layers with equal content, mode, owner, modification time
// and xattrs become one inode, so that disk and page cache hold them once. Never two files of one layer nor of layers
// that an image stacks: a tool inside would see a hard link that is none. (Composed layers share objects instead.)
//
//   unify/files/XX/KEY.N     a name of the inode that stands for all equal files; KEY says what they look like
//   unify/images/DIGEST      by configuration: the layers of this image were compared with each other
//   layers/DIGEST/unified    what of the layer has such an inode
#include <cstdint>

#include "images/store/store.h"

namespace shoji::images {

struct Unified {
  uint64_t layers = 0, files = 0;  // looked at for the first time
  uint64_t linked = 0, bytes = 0;  // files that became one with another, and what that freed on disk
};

// O(1) when it was done before, else O(files of its new layers). A layer that a root uses is left as it is: overlayfs
// does not want its layers to change. Killed at any moment, the next call goes on.
Result<Unified> unify_image(const Store& store, const Image& image);
// Every image that has a name.
Result<Unified> unify_store(const Store& store);

}  // namespace shoji::images
