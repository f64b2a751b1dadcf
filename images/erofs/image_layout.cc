#include "images/erofs/image_layout.h"

#include <algorithm>

#include "images/erofs/directory_blocks.h"
#include "images/erofs/format.h"

namespace shoji::images {

namespace {

void sort_directory(MergedTree& tree, uint32_t number, std::vector<uint32_t>& living) {
  TreeDirectory& directory = tree.directories[number];
  living.clear();
  for (uint32_t entry = directory.first; entry != kNowhere; entry = tree.entries[entry].next)
    if (tree.entries[entry].inode != kNowhere) living.push_back(entry);
  std::ranges::sort(living, [&](uint32_t a, uint32_t b) {
    return tree.names[tree.entries[a].name] < tree.names[tree.entries[b].name];
  });
  directory.first = kNowhere;
  for (size_t i = living.size(); i > 0; i--) {
    tree.entries[living[i - 1]].next = directory.first;
    directory.first = living[i - 1];
  }
}

// Breadth first: the order serves as the queue.
std::vector<uint32_t> put_in_order(MergedTree& tree) {
  std::vector<uint32_t> order, living;
  order.reserve(tree.inodes.size());  // doubling would need memory for both
  order.push_back(tree.directories[0].inode);
  tree.inodes[order[0]].links = 2;
  for (size_t i = 0; i < order.size(); i++) {
    TreeInode& inode = tree.inodes[order[i]];
    if (!inode.is_directory()) continue;
    sort_directory(tree, inode.tail, living);
    for (uint32_t entry : living) {
      uint32_t number = tree.entries[entry].inode;
      TreeInode& child = tree.inodes[number];
      if (child.links == 0) order.push_back(number);
      if (child.is_directory()) {
        child.links = 2;
        ++inode.links;
      } else {
        ++child.links;
      }
    }
  }
  return order;
}

constexpr uint64_t round_up(uint64_t number, uint64_t unit) {
  return (number + unit - 1) / unit * unit;
}

}  // namespace

InodeContent content_of(const MergedTree& tree, uint32_t number) {
  const TreeInode& inode = tree.inodes[number];
  InodeContent content;
  content.size = inode.is_directory() ? DirectoryBlocks::size(tree, inode.tail) : inode.tail;
  content.blocks = static_cast<uint32_t>(content.size / erofs::kBlock);
  auto rest = static_cast<uint32_t>(content.size % erofs::kBlock);
  if (inode.head + rest <= erofs::kBlock) {
    content.inline_size = rest;
  } else if (rest > 0) {
    ++content.blocks;
  }
  return content;
}

Result<ImageLayout> lay_out(MergedTree& tree) {
  ImageLayout layout{.order = put_in_order(tree)};
  uint64_t at = erofs::kSuperOffset + sizeof(erofs::SuperBlock), blocks = 0;
  for (uint32_t number : layout.order) {
    TreeInode& inode = tree.inodes[number];
    InodeContent content = content_of(tree, number);
    // Xattrs may go over the end of a block, an inode with its inline content may not (erofs_fill_symlink()).
    size_t together = content.inline_size > 0 ? inode.head + content.inline_size : sizeof(erofs::Inode);
    if (at % erofs::kBlock + together > erofs::kBlock) at = round_up(at, erofs::kBlock);
    inode.nid = static_cast<uint32_t>(at / erofs::kSlot);
    at = round_up(at + inode.head + content.inline_size, erofs::kSlot);
    blocks += content.blocks;
  }
  uint64_t start = round_up(at, erofs::kBlock) / erofs::kBlock;
  if (at / erofs::kSlot > ~0u || start + blocks > ~0u)
    return fail(Kind::kUnsupported, "an image with more metadata than erofs can address");
  layout.data_start = static_cast<uint32_t>(start);
  layout.blocks = static_cast<uint32_t>(start + blocks);
  return layout;
}

}  // namespace shoji::images
