#include "images/erofs/merged_tree.h"

#include <sys/random.h>

#include <algorithm>

#include "images/erofs/format.h"
#include "images/erofs/xattr_list.h"

namespace shoji::images {

namespace {

constexpr size_t kFirstTable = 1 << 12;
constexpr uint32_t kEntriesLimit = 1u
                                   << 28;  // several thousand layers' worth; numbers stay well inside 32 bits
constexpr size_t kNameLimit = 255;         // NAME_MAX

Failure bad_member(std::string_view path, std::string_view why) {
  return fail(Kind::kInvalid, cat("member ", quote(path.substr(0, 256)), ": ", why));
}

// "a/b/c" is a/b and c.
std::string_view parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string_view take_component(std::string_view& path) {
  size_t slash = path.find('/');
  std::string_view component = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return component;
}

// An index is our own, yet it comes from a disk.
bool is_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= kNameLimit &&
         name.find('\0') == std::string_view::npos;
}

uint64_t hash_of(uint64_t seed, uint32_t directory, std::string_view name) {
  uint64_t state = (seed ^ directory) * 0x9E3779B97F4A7C15;
  for (size_t at = 0; at < name.size(); at += 8) {
    uint64_t word = 0;
    memcpy(&word, name.data() + at, std::min<size_t>(8, name.size() - at));
    state = (state ^ state >> 29 ^ word) * 0xBF58476D1CE4E5B9;
  }
  return state ^ state >> 32;
}

}  // namespace

MergedTree::MergedTree() : table_(kFirstTable, kNowhere), seed_(reinterpret_cast<uintptr_t>(this)) {
  // Early in boot there may be no randomness yet; then the address has to do.
  if (getrandom(&seed_, sizeof seed_, GRND_NONBLOCK) < 0) seed_ ^= reinterpret_cast<uintptr_t>(&table_);
  make_directory(0);
}

bool MergedTree::is_directory(uint32_t entry) const {
  uint32_t inode = entries[entry].inode;
  return inode != kNowhere && inodes[inode].is_directory();
}

uint64_t MergedTree::slot(uint32_t directory, std::string_view name) const {
  uint64_t mask = table_.size() - 1;
  for (uint64_t at = hash_of(seed_, directory, name) & mask;; at = (at + 1) & mask) {
    if (table_[at] == kNowhere) return at;
    const TreeEntry& entry = entries[table_[at]];
    if (entry.directory == directory && names[entry.name] == name) return at;
  }
}

void MergedTree::grow() {
  std::vector<uint32_t>(table_.size() * 2, kNowhere).swap(table_);
  for (uint32_t i = 0; i < entries.size(); i++)
    table_[slot(entries[i].directory, names[entries[i].name])] = i;
}

uint32_t MergedTree::find_or_add(uint32_t directory, std::string_view name) {
  uint64_t at = slot(directory, name);
  if (table_[at] != kNowhere) return table_[at];
  if (entries.size() + 1 > table_.size() / 4 * 3) {
    grow();
    at = slot(directory, name);
  }
  TreeDirectory& parent = directories[directory];
  uint32_t added = entries.add({.name = names.add(name), .directory = directory, .next = parent.first});
  parent.first = added;
  table_[at] = added;
  return added;
}

uint32_t MergedTree::find(std::string_view path) const {
  uint32_t entry = kNowhere;
  for (uint32_t directory = 0; !path.empty(); directory = inodes[entries[entry].inode].tail) {
    if (entry != kNowhere && !is_directory(entry)) return kNowhere;
    entry = table_[slot(directory, take_component(path))];
    if (entry == kNowhere || entries[entry].inode == kNowhere) return kNowhere;
  }
  return entry;
}

uint32_t MergedTree::make_directory(uint32_t parent) {
  uint32_t number = directories.add({.inode = inodes.size(), .parent = parent});
  TreeInode inode{.source = kNoSource, .tail = number};
  inode.head = sizeof(erofs::Inode);
  inode.type = EntryType::kDirectory;
  return inodes.add(inode);
}

// A directory is about to go.
void MergedTree::forget_last() {
  last_path_.clear();
  last_directory_ = 0;
}

void MergedTree::put(uint32_t number, uint32_t inode, uint32_t layer) {
  TreeEntry& entry = entries[number];
  if (is_directory(number) && inode != entry.inode) forget_last();
  if (entry.inode == kNowhere) ++directories[entry.directory].living;
  entry.inode = inode;
  entry.layer = layer;
}

void MergedTree::remove(uint32_t number) {
  TreeEntry& entry = entries[number];
  if (is_directory(number)) forget_last();
  if (entry.inode != kNowhere) --directories[entry.directory].living;
  entry.inode = kNowhere;
}

Result<uint32_t> MergedTree::directory_at(uint32_t layer, std::string_view path) {
  if (path == last_path_) return last_directory_;
  uint32_t directory = 0;
  for (std::string_view rest = path; !rest.empty();) {
    std::string_view name = take_component(rest);
    if (!is_name(name)) return bad_member(path, "its path makes no sense");
    uint32_t entry = find_or_add(directory, name);
    if (!is_directory(entry)) {
      if (entries[entry].inode != kNowhere && entries[entry].layer == layer)
        return bad_member(path, cat(quote(name), " on its way is no directory"));
      put(entry, make_directory(directory), layer);
    }
    directory = inodes[entries[entry].inode].tail;
  }
  last_path_ = path;
  last_directory_ = directory;
  return directory;
}

// Recursion is as deep as a path: at most kIndexPathLimit / 2.
void MergedTree::hide(uint32_t number, uint32_t layer) {  // NOLINT(misc-no-recursion)
  if (entries[number].inode == kNowhere) return;
  bool empty = true;
  if (is_directory(number)) {
    uint32_t directory = inodes[entries[number].inode].tail;
    prune(directory, layer);
    empty = directories[directory].living == 0;
  }
  if (empty && entries[number].layer < layer) remove(number);
}

// Once for each layer is enough: what comes into the directory afterwards is that layer's own.
void MergedTree::prune(uint32_t directory, uint32_t layer) {  // NOLINT(misc-no-recursion)
  if (directories[directory].pruned_in == layer) return;
  directories[directory].pruned_in = layer;
  for (uint32_t entry = directories[directory].first; entry != kNowhere; entry = entries[entry].next)
    hide(entry, layer);
}

// A 0:0 character device is overlayfs' own whiteout (Documentation/filesystems/overlayfs.rst): an archive of an upper
// directory has them, and in a tree they hide what is below as well. As any member it replaces one before it.
Result<> MergedTree::add_device_whiteout(uint32_t layer, std::string_view path) {
  TRY_ASSIGN(uint32_t entry, place_at(layer, path));
  remove(entry);
  return {};
}

// The directories on its way are made even if there is nothing to hide: in a tree the whiteout lies in them.
Result<> MergedTree::add_whiteout(uint32_t layer, std::string_view path) {
  TRY_ASSIGN(uint32_t entry, place_at(layer, path));
  hide(entry, layer);
  return {};
}

Result<> MergedTree::add_opaque(uint32_t layer, std::string_view path) {
  TRY_ASSIGN(uint32_t directory, directory_at(layer, path));
  prune(directory, layer);
  return {};
}

Result<uint32_t> MergedTree::place_at(uint32_t layer, std::string_view path) {
  if (!is_name(name_of(path))) return bad_member(path, "its name makes no sense");
  TRY_ASSIGN(uint32_t directory, directory_at(layer, parent_of(path)));
  return find_or_add(directory, name_of(path));
}

Result<> MergedTree::add_link(uint32_t layer, const IndexedEntry& indexed) {
  uint32_t target = find(indexed.entry.link);
  // layer.md: a hard link is to a file of the same layer. One below the link's own name would go with the directory whose
  // place the link takes.
  bool below = std::string_view(indexed.entry.link).starts_with(indexed.entry.path + '/');
  if (below || target == kNowhere || is_directory(target) || entries[target].layer != layer)
    return bad_member(indexed.entry.path,
                      cat("a hard link to ", quote(indexed.entry.link), ", no file of the same layer"));
  TRY_ASSIGN(uint32_t place, place_at(layer, indexed.entry.path));
  put(place, entries[target].inode, layer);
  return {};
}

Result<> MergedTree::add_member(uint32_t layer, const IndexedEntry& indexed, uint64_t position) {
  const TarEntry& entry = indexed.entry;
  uint32_t head = inode_head_size(indexed);
  if (xattr_size(indexed) > kXattrAreaLimit) return bad_member(entry.path, "too many bytes of xattrs");
  uint64_t source = uint64_t{layer} << 40 | position;
  if (entry.type == EntryType::kDirectory) {
    uint32_t inode = directories[0].inode;
    if (!entry.path.empty()) {
      TRY_ASSIGN(uint32_t place, place_at(layer, entry.path));
      bool there = is_directory(place);
      put(place, there ? entries[place].inode : make_directory(entries[place].directory), layer);
      inode = entries[place].inode;
    }
    inodes[inode].source = source;
    inodes[inode].head = head;
    return {};
  }
  TRY_ASSIGN(uint32_t place, place_at(layer, entry.path));
  auto content = static_cast<uint32_t>(entry.type == EntryType::kSymlink ? entry.link.size()
                                                                         : indexed.inline_content.size());
  TreeInode inode{.source = source, .tail = content};
  inode.head = head;
  inode.type = entry.type;
  put(place, inodes.add(inode), layer);
  return {};
}

Result<> MergedTree::add(uint32_t layer, const IndexedEntry& indexed, uint64_t position) {
  if (entries.size() >= kEntriesLimit || !names.has_room())
    return fail(Kind::kUnsupported, cat("an image of more than ", entries.size(), " files"));
  const TarEntry& entry = indexed.entry;
  bool device = entry.type == EntryType::kCharDevice && entry.device_major == 0 && entry.device_minor == 0;
  if (indexed.mark == EntryMark::kOpaque) return add_opaque(layer, entry.path);
  if (indexed.mark == EntryMark::kWhiteout) return add_whiteout(layer, entry.path);
  if (device) return add_device_whiteout(layer, entry.path);
  return entry.type == EntryType::kHardLink ? add_link(layer, indexed) : add_member(layer, indexed, position);
}

}  // namespace shoji::images
