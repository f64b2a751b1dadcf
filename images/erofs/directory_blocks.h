#pragma once
// A directory of the image as erofs has it: blocks of entries, sorted over all of them, "." and ".." among the others
// (fs/erofs/namei.c searches both levels by bisection).
#include <string>
#include <vector>

#include "images/erofs/merged_tree.h"

namespace shoji::images {

class DirectoryBlocks {
 public:
  // The directory's entries are sorted and living (ImageLayout).
  DirectoryBlocks(const MergedTree& tree, uint32_t directory);
  // The bytes of the next block, without what fills it up; false after the last.
  bool next(std::string& block);
  // Of the whole directory: all blocks but the last are full.
  static uint64_t size(const MergedTree& tree, uint32_t directory);

 private:
  struct Item {
    std::string_view name;
    uint32_t inode;
  };
  Item peek() const;
  void advance();
  size_t collect();  // the items of the next block; its bytes
  const MergedTree* tree_;
  uint32_t directory_, entry_;
  unsigned dots_ = 0;  // how many of "." and ".." have been
  std::vector<Item> items_;
};

}  // namespace shoji::images
