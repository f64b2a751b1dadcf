#include "images/erofs/image_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>

#include "base/io.h"
#include "images/erofs/directory_blocks.h"
#include "images/erofs/format.h"
#include "images/erofs/xattr_list.h"

namespace shoji::images {

namespace {

constexpr size_t kOutputBlock = 256 << 10;
constexpr mode_t kImpliedMode = 0755;  // of a directory that no layer has as a member
constexpr uint32_t kMaxChunkBits = 31;

mode_t type_bits(EntryType type) {
  switch (type) {
    case EntryType::kFile:
    case EntryType::kHardLink:
      return S_IFREG;
    case EntryType::kSymlink:
      return S_IFLNK;
    case EntryType::kCharDevice:
      return S_IFCHR;
    case EntryType::kBlockDevice:
      return S_IFBLK;
    case EntryType::kDirectory:
      return S_IFDIR;
    case EntryType::kFifo:
      return S_IFIFO;
  }
  return S_IFREG;
}

// new_encode_dev() of include/linux/kdev_t.h.
uint32_t device_number(const TarEntry& entry) {
  return (entry.device_minor & 0xFF) | entry.device_major << 8 | (entry.device_minor & ~0xFFu) << 12;
}

// log2(chunk / block) so that one chunk, a hole, holds the file.
uint32_t chunk_bits(uint64_t size) {
  auto bits = static_cast<uint32_t>(std::bit_width(size - 1));
  return bits <= erofs::kBlockBits ? 0 : std::min(bits - erofs::kBlockBits, kMaxChunkBits);
}

}  // namespace

Result<> ImageWriter::flush() {
  TRY(write_all(fd_, buffer_, "composed image"));
  buffer_.clear();
  return {};
}

Result<> ImageWriter::append(std::string_view bytes) {
  buffer_ += bytes;
  position_ += bytes.size();
  return buffer_.size() >= kOutputBlock ? flush() : Result<>();
}

Result<> ImageWriter::fill_to(uint64_t position) {
  buffer_.append(position - position_, '\0');
  position_ = position;
  return {};
}

Result<> ImageWriter::write_super_block(uint64_t identity) {
  erofs::SuperBlock super{};
  super.magic = erofs::kMagic;
  super.feature_compat = erofs::kCompatMtime;
  super.block_bits = erofs::kBlockBits;
  super.root_nid = static_cast<uint16_t>(tree_->inodes[layout_->order[0]].nid);
  super.inodes = layout_->order.size();
  super.blocks = layout_->blocks;
  super.feature_incompat = erofs::kIncompatChunkedFile;
  // RFC 9562 5.8: version 8, of one's own making.
  memcpy(super.uuid, &identity, sizeof identity);
  memcpy(super.uuid + 8, &identity, sizeof identity);
  super.uuid[6] = static_cast<uint8_t>(0x80 | (super.uuid[6] & 0x0F));
  super.uuid[8] = static_cast<uint8_t>(0x80 | (super.uuid[8] & 0x3F));
  TRY(fill_to(erofs::kSuperOffset));
  return append({reinterpret_cast<const char*>(&super), sizeof super});
}

Result<> ImageWriter::load(uint32_t number) {
  const TreeInode& inode = tree_->inodes[number];
  if (inode.source != kNoSource)
    return window_.read(indexes_[inode.layer()].get(), inode.layer(), inode.position(), entry_);
  entry_ = {};
  entry_.entry.type = EntryType::kDirectory;
  entry_.entry.mode = kImpliedMode;
  return {};
}

Result<> ImageWriter::write_inode(uint32_t number) {
  const TreeInode& inode = tree_->inodes[number];
  TRY(load(number));
  const TarEntry& entry = entry_.entry;
  InodeContent content = content_of(*tree_, number);
  erofs::Inode raw{};
  bool composed = !entry_.object.empty(), device = false;
  auto layout = composed                  ? erofs::DataLayout::kChunkBased
                : content.inline_size > 0 ? erofs::DataLayout::kFlatInline
                                          : erofs::DataLayout::kFlatPlain;
  device = entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice;
  raw.format = erofs::inode_format(layout);
  raw.xattr_count = erofs::xattr_count(xattr_size(entry_));
  raw.mode = static_cast<uint16_t>(type_bits(entry.type) | entry.mode);
  raw.size = composed ? entry.size : content.size;
  raw.data = composed             ? chunk_bits(entry.size)
             : device             ? device_number(entry)
             : content.blocks > 0 ? next_block_
                                  : 0;
  raw.ino = inode.nid;
  raw.uid = entry.uid;
  raw.gid = entry.gid;
  raw.mtime = static_cast<uint64_t>(entry.mtime);
  raw.mtime_ns = entry.mtime_ns;
  raw.links = inode.links;
  next_block_ += content.blocks;
  TRY(fill_to(uint64_t{inode.nid} * erofs::kSlot));
  TRY(append({reinterpret_cast<const char*>(&raw), sizeof raw}));
  block_.clear();
  append_xattrs(block_, entry_);
  if (composed) block_.append(reinterpret_cast<const char*>(&erofs::kHole), sizeof erofs::kHole);
  TRY(append(block_));
  if (content.inline_size == 0) return {};
  if (!inode.is_directory())
    return append(entry.type == EntryType::kSymlink ? entry.link : entry_.inline_content);
  DirectoryBlocks blocks(*tree_, inode.tail);
  for (uint32_t i = 0; i <= content.blocks; i++) blocks.next(block_);
  return append(block_);
}

Result<> ImageWriter::write_blocks(uint32_t number) {
  const TreeInode& inode = tree_->inodes[number];
  InodeContent content = content_of(*tree_, number);
  if (content.blocks == 0) return {};
  if (!inode.is_directory()) {
    TRY(load(number));
    TRY(append(inode.type == EntryType::kSymlink ? entry_.entry.link : entry_.inline_content));
    return fill_to(position_ + (0 - position_) % erofs::kBlock);
  }
  DirectoryBlocks blocks(*tree_, inode.tail);
  for (uint32_t i = 0; i < content.blocks && blocks.next(block_); i++) {
    TRY(append(block_));
    TRY(fill_to(position_ + (0 - position_) % erofs::kBlock));
  }
  return {};
}

Result<> ImageWriter::write(uint64_t identity) {
  TRY(write_super_block(identity));
  next_block_ = layout_->data_start;
  for (uint32_t number : layout_->order) TRY(write_inode(number));
  TRY(fill_to(uint64_t{layout_->data_start} * erofs::kBlock));
  for (uint32_t number : layout_->order) TRY(write_blocks(number));
  return flush();
}

}  // namespace shoji::images
