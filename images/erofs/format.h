#pragma once
// erofs on disk (fs/erofs/erofs_fs.h of the kernel), as far as metadata without compression needs it: one device,
// blocks of 4 KiB, extended inodes. An inode's number (nid) is its offset in units of 32 bytes, for the area of inodes
// starts at block 0.
#include <bit>
#include <cstdint>

namespace shoji::images::erofs {

static_assert(std::endian::native == std::endian::little, "erofs is little-endian");

inline constexpr uint32_t kBlockBits = 12, kBlock = 1u << kBlockBits;
inline constexpr uint32_t kSlot = 32;
inline constexpr uint32_t kSuperOffset = 1024;

struct SuperBlock {
  uint32_t magic;
  uint32_t checksum;
  uint32_t feature_compat;
  uint8_t block_bits;
  uint8_t extra_slots;
  uint16_t root_nid;
  uint64_t inodes;
  uint64_t build_time;
  uint32_t build_time_ns;
  uint32_t blocks;
  uint32_t meta_block;
  uint32_t xattr_block;
  uint8_t uuid[16];
  uint8_t volume_name[16];
  uint32_t feature_incompat;
  uint8_t others[44];  // compression, devices, long xattr prefixes: none
};
static_assert(sizeof(SuperBlock) == 128);
inline constexpr uint32_t kMagic = 0xE0F5E1E2;
inline constexpr uint32_t kCompatMtime = 2;          // the times of inodes are mtime
inline constexpr uint32_t kIncompatChunkedFile = 4;  // Linux 5.15

enum class DataLayout : uint8_t { kFlatPlain = 0, kFlatInline = 2, kChunkBased = 4 };
// The lowest bit of `format` says that the inode is an extended one.
constexpr uint16_t inode_format(DataLayout layout) {
  return static_cast<uint16_t>(1 | static_cast<unsigned>(layout) << 1);
}

struct Inode {
  uint16_t format;
  uint16_t xattr_count;  // see xattr_count()
  uint16_t mode;
  uint16_t reserved;
  uint64_t size;
  uint32_t data;  // first block; device number; log2(chunk / block)
  uint32_t ino;
  uint32_t uid, gid;
  uint64_t mtime;
  uint32_t mtime_ns;
  uint32_t links;
  uint8_t reserved2[16];
};
static_assert(sizeof(Inode) == 64);
inline constexpr uint32_t kHole = ~0u;  // in place of a chunk's first block

struct XattrHeader {
  uint32_t name_filter;
  uint8_t shared_count;
  uint8_t reserved[7];
};
static_assert(sizeof(XattrHeader) == 12);

struct XattrEntry {
  uint8_t name_size;
  uint8_t name_index;  // stands for the prefix
  uint16_t value_size;
};
static_assert(sizeof(XattrEntry) == 4);

// Bytes of xattrs, header included, as `xattr_count` says them.
constexpr uint16_t xattr_count(uint32_t bytes) {
  return static_cast<uint16_t>(bytes == 0 ? 0 : (bytes - sizeof(XattrHeader)) / 4 + 1);
}

struct __attribute__((packed)) DirectoryEntry {
  uint64_t nid;
  uint16_t name_offset;  // from the start of the block; of the first entry: also tells how many there are
  uint8_t type;
  uint8_t reserved;
};
static_assert(sizeof(DirectoryEntry) == 12);

enum FileType : uint8_t {
  kTypeFile = 1,
  kTypeDirectory,
  kTypeChar,
  kTypeBlock,
  kTypeFifo,
  kTypeSocket,
  kTypeLink
};

}  // namespace shoji::images::erofs
