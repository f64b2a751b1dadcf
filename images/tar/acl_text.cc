#include "images/tar/acl_text.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

namespace shoji::images {

namespace {

struct AclTag {
  std::string_view name;
  uint16_t plain, qualified;  // tag without and with somebody's name; 0: not possible
};
constexpr auto kTags = std::to_array<AclTag>({
    {"user", ACL_USER_OBJ, ACL_USER},
    {"u", ACL_USER_OBJ, ACL_USER},
    {"group", ACL_GROUP_OBJ, ACL_GROUP},
    {"g", ACL_GROUP_OBJ, ACL_GROUP},
    {"mask", ACL_MASK, 0},
    {"m", ACL_MASK, 0},
    {"other", ACL_OTHER, 0},
    {"o", ACL_OTHER, 0},
});
constexpr uint32_t kNobody = 0xffffffff;

std::string_view cut(std::string_view& text, std::string_view separators) {
  size_t end = text.find_first_of(separators);
  std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (piece.starts_with(' ') || piece.starts_with('\t')) piece.remove_prefix(1);
  while (piece.ends_with(' ') || piece.ends_with('\t')) piece.remove_suffix(1);
  return piece;
}

bool parse_id(std::string_view text, uint32_t& id) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return !text.empty() && error == std::errc() && end == text.data() + text.size() && id != kNobody;
}

Result<uint16_t> parse_permissions(std::string_view text, std::string_view entry) {
  uint16_t bits = 0;
  for (char c : text) {
    if (c == 'r')
      bits |= ACL_READ;
    else if (c == 'w')
      bits |= ACL_WRITE;
    else if (c == 'x')
      bits |= ACL_EXECUTE;
    else if (c != '-')
      return fail(Kind::kInvalid, cat("ACL entry ", quote(entry), ": permissions are r, w, x"));
  }
  return bits;
}

Result<posix_acl_xattr_entry> parse_entry(std::string_view entry) {
  std::string_view rest = entry.substr(0, entry.find('#'));  // "#effective:r--"
  std::string_view name = cut(rest, ":");
  if (name == "default") name = cut(rest, ":");
  const auto* tag = std::ranges::find(kTags, name, &AclTag::name);
  if (tag == kTags.end()) return fail(Kind::kInvalid, cat("ACL entry ", quote(entry), ": unknown kind"));
  std::string_view who = cut(rest, ":");
  // "other:r--" is how Solaris and old star wrote what has no qualifier anyway.
  bool short_form = tag->qualified == 0 && rest.empty() && !who.empty();
  std::string_view permissions = short_form ? who : cut(rest, ":");
  if (short_form) who = {};
  std::string_view number = cut(rest, ":");
  posix_acl_xattr_entry out{.e_tag = tag->plain, .e_perm = 0, .e_id = kNobody};
  TRY_ASSIGN(out.e_perm, parse_permissions(permissions, entry));
  if (who.empty() && number.empty()) return out;
  if (tag->qualified == 0) return fail(Kind::kInvalid, cat("ACL entry ", quote(entry), ": has no name"));
  out.e_tag = tag->qualified;
  if (!parse_id(number.empty() ? who : number, out.e_id))
    return fail(Kind::kUnsupported, cat("ACL entry ", quote(entry), ": a name without its number"));
  return out;
}

}  // namespace

Result<std::string> acl_xattr(std::string_view text) {
  std::vector<posix_acl_xattr_entry> entries;
  while (!text.empty()) {
    std::string_view piece = cut(text, ",\n");
    if (piece.empty() || piece.starts_with('#')) continue;
    TRY_ASSIGN(posix_acl_xattr_entry entry, parse_entry(piece));
    entries.push_back(entry);
  }
  // posix_acl_valid() of the kernel wants this order: the tags' values ascend in it.
  std::ranges::sort(entries, [](const auto& a, const auto& b) {
    return a.e_tag != b.e_tag ? a.e_tag < b.e_tag : a.e_id < b.e_id;
  });
  posix_acl_xattr_header header{.a_version = htole32(POSIX_ACL_XATTR_VERSION)};
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  for (posix_acl_xattr_entry entry : entries) {
    entry = {.e_tag = htole16(entry.e_tag), .e_perm = htole16(entry.e_perm), .e_id = htole32(entry.e_id)};
    out.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  }
  return out;
}

std::string acl_text(std::string_view xattr) {
  posix_acl_xattr_header header{};
  if (xattr.size() < sizeof header) return {};
  memcpy(&header, xattr.data(), sizeof header);
  xattr.remove_prefix(sizeof header);
  std::string text;
  if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) return {};
  for (; xattr.size() >= sizeof(posix_acl_xattr_entry); xattr.remove_prefix(sizeof(posix_acl_xattr_entry))) {
    posix_acl_xattr_entry entry{};
    memcpy(&entry, xattr.data(), sizeof entry);
    uint16_t tag = le16toh(entry.e_tag), bits = le16toh(entry.e_perm);
    const auto* known = std::ranges::find_if(
        kTags, [&](const AclTag& row) { return row.plain == tag || row.qualified == tag; });
    if (known == kTags.end()) return {};
    std::string who = known->qualified == tag ? std::to_string(le32toh(entry.e_id)) : "";
    text += cat(text.empty() ? "" : ",", known->name, ':', who, ':', (bits & ACL_READ) != 0 ? 'r' : '-',
                (bits & ACL_WRITE) != 0 ? 'w' : '-', (bits & ACL_EXECUTE) != 0 ? 'x' : '-');
  }
  return xattr.empty() ? text : std::string();
}

bool is_minimal_acl(std::string_view xattr) {
  // The three entries of owner, group and others; any other list needs a fourth.
  return xattr.size() <= sizeof(posix_acl_xattr_header) + 3 * sizeof(posix_acl_xattr_entry);
}

}  // namespace shoji::images
