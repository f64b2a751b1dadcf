#pragma once
// What a stack of layers adds up to: directories and their entries, compact (some 70 bytes and a name for each), while
// attributes stay in the indexes. Later layers win; whiteouts hide what lower layers have, never what their own layer
// has, wherever in the archive they stand (OCI image-spec layer.md, "Whiteouts").
#include "images/erofs/arena.h"
#include "images/erofs/layer_index.h"

namespace shoji::images {

inline constexpr uint32_t kNowhere = ~0u;

// An inode of the image: several names may lead to it.
struct TreeInode {
  // layer << 40 | position of the attributes in its index; kNoSource: an implied directory
  uint64_t source = 0;
  uint32_t nid = 0;  // its place, once that is known
  uint32_t links = 0;
  uint32_t tail = 0;       // of a file or symlink: bytes of content in the image; of a directory: its number
  uint32_t head : 28 = 0;  // bytes of inode, xattrs and chunks
  EntryType type : 4 = EntryType::kFile;
  [[nodiscard]] bool is_directory() const { return type == EntryType::kDirectory; }
  [[nodiscard]] uint32_t layer() const { return static_cast<uint32_t>(source >> 40); }
  [[nodiscard]] uint64_t position() const { return source & ((uint64_t{1} << 40) - 1); }
};
static_assert(sizeof(TreeInode) == 24, "there are hundreds of thousands of them");
inline constexpr uint64_t kNoSource = ~uint64_t{0};

struct TreeDirectory {
  uint32_t inode = kNowhere, parent = kNowhere;  // parent: number of a directory; the root is its own
  uint32_t first = kNowhere;                     // of its entries
  uint32_t living = 0;                           // how many of them are not gone
  uint32_t pruned_in = kNowhere;                 // the layer that last hid what was below
};

struct TreeEntry {
  uint32_t name = 0;  // in names
  uint32_t directory = 0;
  uint32_t inode = kNowhere;  // kNowhere: gone
  uint32_t next = kNowhere;   // in the same directory
  uint32_t layer = 0;         // the last that had it as a member
};

class MergedTree {
 public:
  MergedTree();
  // Layers come from the lowest on, entries in the order of the archive.
  Result<> add(uint32_t layer, const IndexedEntry& entry, uint64_t position);

  ChunkedArray<TreeInode> inodes;
  ChunkedArray<TreeDirectory> directories;  // 0: the root
  ChunkedArray<TreeEntry> entries;
  NamePool names;

 private:
  Result<> add_member(uint32_t layer, const IndexedEntry& entry, uint64_t position);
  Result<> add_link(uint32_t layer, const IndexedEntry& entry);
  Result<> add_opaque(uint32_t layer, std::string_view path);
  Result<> add_device_whiteout(uint32_t layer, std::string_view path);
  Result<> add_whiteout(uint32_t layer, std::string_view path);
  // The place for a member that is no directory.
  Result<uint32_t> place_at(uint32_t layer, std::string_view path);
  // The directory at a path; what is missing is made. A non-directory of the same layer in the way is kInvalid.
  Result<uint32_t> directory_at(uint32_t layer, std::string_view path);
  // The living entry at a path, or kNowhere.
  [[nodiscard]] uint32_t find(std::string_view path) const;
  [[nodiscard]] uint64_t slot(uint32_t directory, std::string_view name) const;
  uint32_t find_or_add(uint32_t directory, std::string_view name);
  uint32_t make_directory(uint32_t parent);
  void put(uint32_t entry, uint32_t inode, uint32_t layer);
  void remove(uint32_t entry);
  // Hides what lower layers have: an entry, or everything in a directory.
  void hide(uint32_t entry, uint32_t layer);
  void prune(uint32_t directory, uint32_t layer);
  void grow();
  void forget_last();
  [[nodiscard]] bool is_directory(uint32_t entry) const;

  std::vector<uint32_t> table_;  // of entries, by directory and name; open addressing
  uint64_t seed_;                // nobody makes an archive whose names all fall on one place of the table
  std::string last_path_;        // of the last member's directory
  uint32_t last_directory_ = 0;
};

}  // namespace shoji::images
