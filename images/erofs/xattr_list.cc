#include "images/erofs/xattr_list.h"

#include "images/erofs/format.h"

namespace shoji::images {

namespace {

struct Prefix {
  std::string_view text;
  uint8_t index;
};
// Of fs/erofs/erofs_fs.h. Attributes with other prefixes do not exist on Linux' disk filesystems.
constexpr Prefix kPrefixes[] = {{.text = "user.", .index = 1},
                                {.text = "system.posix_acl_access", .index = 2},
                                {.text = "system.posix_acl_default", .index = 3},
                                {.text = "trusted.", .index = 4},
                                {.text = "security.", .index = 6}};
constexpr std::string_view kMetacopy = "trusted.overlay.metacopy", kRedirect = "trusted.overlay.redirect";
constexpr size_t kRedirectSize = 1 + 2 + 1 + 64;  // "/XX/HEX"

const Prefix* prefix_of(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    bool whole = prefix.text.back() != '.';
    if (whole ? name == prefix.text : name.starts_with(prefix.text) && name.size() > prefix.text.size())
      return &prefix;
  }
  return nullptr;
}

// erofs has 8 bits for the length of a name and 16 for that of a value, as the kernel has (xattr(7)).
bool fits(const Prefix* prefix, std::string_view name, size_t value_size) {
  return prefix != nullptr && name.size() - prefix->text.size() <= 0xFF && value_size <= 0xFFFF;
}

uint32_t entry_size(std::string_view name, size_t value_size) {
  const Prefix* prefix = prefix_of(name);
  if (!fits(prefix, name, value_size)) return 0;
  size_t bytes = sizeof(erofs::XattrEntry) + name.size() - prefix->text.size() + value_size;
  return static_cast<uint32_t>((bytes + 3) & ~size_t{3});
}

void append_xattr(std::string& out, std::string_view name, std::string_view value) {
  const Prefix* prefix = prefix_of(name);
  if (!fits(prefix, name, value.size())) return;
  name.remove_prefix(prefix->text.size());
  erofs::XattrEntry entry{.name_size = static_cast<uint8_t>(name.size()),
                          .name_index = prefix->index,
                          .value_size = static_cast<uint16_t>(value.size())};
  out.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  out += name;
  out += value;
  out.append((0 - (sizeof entry + name.size() + value.size())) & 3, '\0');
}

}  // namespace

uint32_t xattr_size(const IndexedEntry& indexed) {
  uint32_t bytes = 0;
  for (const auto& [name, value] : indexed.entry.xattrs) bytes += entry_size(name, value.size());
  if (!indexed.object.empty()) bytes += entry_size(kMetacopy, 0) + entry_size(kRedirect, kRedirectSize);
  return bytes == 0 ? 0 : bytes + static_cast<uint32_t>(sizeof(erofs::XattrHeader));
}

uint32_t inode_head_size(const IndexedEntry& indexed) {
  uint32_t chunk = indexed.object.empty() ? 0 : sizeof(uint32_t);
  return static_cast<uint32_t>(sizeof(erofs::Inode)) + xattr_size(indexed) + chunk;
}

void append_xattrs(std::string& out, const IndexedEntry& indexed) {
  if (xattr_size(indexed) == 0) return;
  erofs::XattrHeader header{};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  for (const auto& [name, value] : indexed.entry.xattrs) append_xattr(out, name, value);
  if (indexed.object.empty()) return;
  append_xattr(out, kMetacopy, "");
  append_xattr(out, kRedirect, cat("/", indexed.object.substr(0, 2), "/", indexed.object));
}

}  // namespace shoji::images
