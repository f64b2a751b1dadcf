#pragma once
// Where everything of an image lies: super block, inodes with their xattrs and short contents, then whole blocks.
#include <vector>

#include "images/erofs/merged_tree.h"

namespace shoji::images {

// What an inode has besides its head.
struct InodeContent {
  uint64_t size = 0;         // bytes of content in the image
  uint32_t inline_size = 0;  // at the end of the inode; the kernel wants them inside one block
  uint32_t blocks = 0;       // of its own
};
InodeContent content_of(const MergedTree& tree, uint32_t inode);

struct ImageLayout {
  std::vector<uint32_t> order;  // inodes as they come in the file: directory by directory, by name
  uint32_t data_start = 0;      // the block behind the inodes
  uint32_t blocks = 0;          // of the whole image
};
// Sorts the directories of the tree, drops what is gone, counts links and gives every inode its nid. The root is the
// first inode: a super block has only 16 bits for its nid.
Result<ImageLayout> lay_out(MergedTree& tree);

}  // namespace shoji::images
