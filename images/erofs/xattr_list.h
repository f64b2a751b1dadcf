#pragma once
// The extended attributes of one inode of the image, as erofs has them.
#include "images/erofs/layer_index.h"

namespace shoji::images {

inline constexpr uint32_t kXattrAreaLimit = 12 + 0xFFFE * 4;  // erofs counts words in 16 bits

// Bytes of inode, xattrs and chunks: what comes before content in the same block.
uint32_t inode_head_size(const IndexedEntry& entry);
uint32_t xattr_size(const IndexedEntry& entry);
// Exactly xattr_size() bytes.
void append_xattrs(std::string& out, const IndexedEntry& entry);

}  // namespace shoji::images
