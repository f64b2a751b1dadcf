#include "images/erofs/directory_blocks.h"

#include "images/erofs/format.h"

namespace shoji::images {

namespace {

constexpr std::string_view kDots[] = {".", ".."};

erofs::FileType file_type(EntryType type) {
  switch (type) {
    case EntryType::kFile:
    case EntryType::kHardLink:  // an inode never has it
      return erofs::kTypeFile;
    case EntryType::kSymlink:
      return erofs::kTypeLink;
    case EntryType::kCharDevice:
      return erofs::kTypeChar;
    case EntryType::kBlockDevice:
      return erofs::kTypeBlock;
    case EntryType::kDirectory:
      return erofs::kTypeDirectory;
    case EntryType::kFifo:
      return erofs::kTypeFifo;
  }
  return erofs::kTypeFile;
}

}  // namespace

DirectoryBlocks::DirectoryBlocks(const MergedTree& tree, uint32_t directory)
    : tree_(&tree), directory_(directory), entry_(tree.directories[directory].first) {}

// The smaller one of the next entry and the next dot. An empty name: the end.
DirectoryBlocks::Item DirectoryBlocks::peek() const {
  std::string_view name = entry_ == kNowhere ? std::string_view() : tree_->names[tree_->entries[entry_].name];
  if (dots_ < 2 && (name.empty() || kDots[dots_] < name)) {
    const TreeDirectory& own = tree_->directories[directory_];
    return {.name = kDots[dots_], .inode = dots_ == 0 ? own.inode : tree_->directories[own.parent].inode};
  }
  return {.name = name, .inode = name.empty() ? kNowhere : tree_->entries[entry_].inode};
}

void DirectoryBlocks::advance() {
  bool dot = dots_ < 2 && peek().name == kDots[dots_];
  if (dot) {
    ++dots_;
  } else {
    entry_ = tree_->entries[entry_].next;
  }
}

size_t DirectoryBlocks::collect() {
  items_.clear();
  size_t bytes = 0;
  for (Item item = peek(); !item.name.empty(); item = peek()) {
    size_t wanted = sizeof(erofs::DirectoryEntry) + item.name.size();
    if (bytes + wanted > erofs::kBlock) break;
    bytes += wanted;
    items_.push_back(item);
    advance();
  }
  return bytes;
}

bool DirectoryBlocks::next(std::string& block) {
  block.clear();
  size_t bytes = collect();
  if (bytes == 0) return false;
  block.reserve(bytes);
  size_t name_at = items_.size() * sizeof(erofs::DirectoryEntry);
  for (const Item& item : items_) {
    const TreeInode& inode = tree_->inodes[item.inode];
    erofs::DirectoryEntry entry{.nid = inode.nid,
                                .name_offset = static_cast<uint16_t>(name_at),
                                .type = file_type(inode.type),
                                .reserved = 0};
    block.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    name_at += item.name.size();
  }
  for (const Item& item : items_) block += item.name;
  return true;
}

uint64_t DirectoryBlocks::size(const MergedTree& tree, uint32_t directory) {
  DirectoryBlocks blocks(tree, directory);
  uint64_t total = blocks.collect();  // there are always "." and ".."
  for (size_t last = total, bytes = blocks.collect(); bytes > 0; last = bytes, bytes = blocks.collect())
    total += erofs::kBlock - last + bytes;
  return total;
}

}  // namespace shoji::images
