#pragma once
// Writes a laid-out image from its first byte to its last.
#include <span>

#include "base/fd.h"
#include "images/erofs/image_layout.h"
#include "images/erofs/index_reader.h"

namespace shoji::images {

class ImageWriter {
 public:
  // `indexes`: of the layers, by their number.
  ImageWriter(const MergedTree& tree, const ImageLayout& layout, std::span<const UniqueFd> indexes, int fd)
      : tree_(&tree), layout_(&layout), indexes_(indexes), fd_(fd) {}
  // `identity` becomes the filesystem's UUID, by which overlayfs knows where a copied-up file came from.
  Result<> write(uint64_t identity);

 private:
  Result<> write_super_block(uint64_t identity);
  Result<> write_inode(uint32_t number);
  Result<> write_blocks(uint32_t number);
  Result<> load(uint32_t number);  // into entry_
  Result<> append(std::string_view bytes);
  Result<> fill_to(uint64_t position);
  Result<> flush();

  const MergedTree* tree_;
  const ImageLayout* layout_;
  std::span<const UniqueFd> indexes_;
  int fd_;
  IndexWindow window_;
  IndexedEntry entry_;
  std::string buffer_, block_;
  uint64_t position_ = 0;    // of the end of buffer_ in the file
  uint32_t next_block_ = 0;  // for contents
};

}  // namespace shoji::images
