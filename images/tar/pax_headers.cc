#include "images/tar/pax_headers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "images/tar/acl_text.h"

namespace shoji::images {

namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.", kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::string_view kAccessAcl = "system.posix_acl_access", kDefaultAcl = "system.posix_acl_default";
constexpr size_t kXattrNameLimit = 255;  // XATTR_NAME_MAX
constexpr size_t kXattrCountLimit = 1024;

struct Record {
  std::string_view key, value;
};

Failure bad_record(std::string_view key, std::string_view value, std::string_view why) {
  return fail(Kind::kInvalid, cat("pax record ", quote(key), " = ", quote(value.substr(0, 64)), ": ", why));
}

// "LENGTH KEY=VALUE\n", where LENGTH counts all of it.
Result<Record> cut_record(std::string_view& text) {
  constexpr std::string_view kBroken = "a pax record is not \"LENGTH KEY=VALUE\"";
  size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return fail(Kind::kInvalid, std::string(kBroken));
  std::optional<uint64_t> length = parse_decimal(text.substr(0, blank));
  if (!length || *length > text.size() || *length < blank + 2 || text[*length - 1] != '\n')
    return fail(Kind::kInvalid, std::string(kBroken));
  std::string_view body = text.substr(blank + 1, *length - blank - 2);
  text.remove_prefix(*length);
  size_t equal = body.find('=');
  if (equal == std::string_view::npos || equal == 0) return fail(Kind::kInvalid, std::string(kBroken));
  return Record{body.substr(0, equal), body.substr(equal + 1)};
}

Result<> set_text(std::optional<std::string>& member, const Record& record) {
  if (record.value.find('\0') != std::string_view::npos)
    return bad_record(record.key, record.value, "NUL in a name");
  member.reset();
  if (!record.value.empty()) member = std::string(record.value);
  return {};
}

Result<> set_number(std::optional<uint64_t>& member, const Record& record) {
  member.reset();
  if (record.value.empty()) return {};
  member = parse_decimal(record.value);
  if (!member) return bad_record(record.key, record.value, "not a number from 0 to 2^63-1");
  return {};
}

Result<> set_time(PaxHeaders& headers, const Record& record) {
  headers.mtime.reset();
  if (record.value.empty()) return {};
  headers.mtime = parse_pax_time(record.value);
  if (!headers.mtime) return bad_record(record.key, record.value, "not a time");
  return {};
}

// Versions 0.0 (a record for every number) and 0.1 (one list).
Result<> add_sparse_number(PaxHeaders& headers, const Record& record, bool is_offset) {
  std::optional<uint64_t> number = parse_decimal(record.value);
  if (!number) return bad_record(record.key, record.value, "not a number from 0 to 2^63-1");
  if ((headers.sparse_map.size() % 2 == 0) != is_offset)
    return bad_record(record.key, record.value, "offsets and sizes of a sparse file do not alternate");
  if (headers.sparse_map.size() >= 2 * kSparseLimit)
    return bad_record(record.key, record.value, "a sparse file has too many parts");
  headers.sparse = true;
  headers.sparse_map.push_back(*number);
  return {};
}

Result<> set_sparse_map(PaxHeaders& headers, const Record& record) {
  headers.sparse_map.clear();
  headers.sparse = true;
  std::string_view rest = record.value;
  for (bool is_offset = true; !rest.empty(); is_offset = !is_offset) {
    size_t comma = rest.find(',');
    TRY(add_sparse_number(headers, {record.key, rest.substr(0, comma)}, is_offset));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return {};
}

Result<> set_xattr(PaxHeaders& headers, std::string_view name, std::string_view value,
                   const UnpackLimits& limits) {
  if (name.empty() || name.size() > kXattrNameLimit || name.find('\0') != std::string_view::npos)
    return fail(Kind::kInvalid, cat("the name of an xattr has to have 1 to ", kXattrNameLimit, " bytes"));
  if (value.size() > limits.xattr_bytes)
    return fail(Kind::kInvalid, cat("xattr ", quote(name), " has ", value.size(), " bytes, more than ",
                                    limits.xattr_bytes, " (limits.xattrBytes)"));
  auto there = std::ranges::find(headers.xattrs, name, &std::pair<std::string, std::string>::first);
  if (there == headers.xattrs.end()) {
    // The search above is linear: this keeps a header of nothing but tiny xattrs from taking seconds.
    if (headers.xattrs.size() >= kXattrCountLimit)
      return fail(Kind::kInvalid, cat("more than ", kXattrCountLimit, " xattrs"));
    headers.xattrs.emplace_back(name, value);
  } else {
    there->second = value;
  }
  return {};
}

Result<> set_acl(PaxHeaders& headers, std::string_view name, const Record& record,
                 const UnpackLimits& limits) {
  if (record.value.empty()) return {};
  TRY_ASSIGN(std::string value, acl_xattr(record.value));
  if (name == kAccessAcl && is_minimal_acl(value)) return {};
  return set_xattr(headers, name, value, limits);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// libarchive escapes what is not printable, "%" and "=" in the names of xattrs.
std::string url_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

// RFC 4648, of which libarchive leaves out the padding.
std::optional<std::string> base64_decode(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (char c : text) {
    size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

Result<> set_libarchive_xattr(PaxHeaders& headers, const Record& record, const UnpackLimits& limits) {
  std::optional<std::string> value = base64_decode(record.value);
  if (!value) return bad_record(record.key, record.value, "not base64");
  return set_xattr(headers, url_decode(record.key.substr(kLibarchiveXattr.size())), *value, limits);
}

using Apply = Result<> (*)(PaxHeaders&, const Record&, const UnpackLimits&);
struct Keyword {
  std::string_view key;
  Apply apply;
};
constexpr auto kKeywords = std::to_array<Keyword>({
    {"path", [](auto& h, const auto& r, const auto&) { return set_text(h.path, r); }},
    {"linkpath", [](auto& h, const auto& r, const auto&) { return set_text(h.link, r); }},
    {"size", [](auto& h, const auto& r, const auto&) { return set_number(h.size, r); }},
    {"uid", [](auto& h, const auto& r, const auto&) { return set_number(h.uid, r); }},
    {"gid", [](auto& h, const auto& r, const auto&) { return set_number(h.gid, r); }},
    {"mtime", [](auto& h, const auto& r, const auto&) { return set_time(h, r); }},
    {"SCHILY.devmajor", [](auto& h, const auto& r, const auto&) { return set_number(h.device_major, r); }},
    {"SCHILY.devminor", [](auto& h, const auto& r, const auto&) { return set_number(h.device_minor, r); }},
    {"SCHILY.acl.access", [](auto& h, const auto& r, const auto& l) { return set_acl(h, kAccessAcl, r, l); }},
    {"SCHILY.acl.default",
     [](auto& h, const auto& r, const auto& l) { return set_acl(h, kDefaultAcl, r, l); }},
    {"GNU.sparse.major", [](auto& h, const auto& r, const auto&) { return set_number(h.sparse_major, r); }},
    {"GNU.sparse.minor", [](auto& h, const auto& r, const auto&) { return set_number(h.sparse_minor, r); }},
    {"GNU.sparse.name", [](auto& h, const auto& r, const auto&) { return set_text(h.sparse_name, r); }},
    {"GNU.sparse.realsize", [](auto& h, const auto& r, const auto&) { return set_number(h.sparse_size, r); }},
    {"GNU.sparse.size", [](auto& h, const auto& r, const auto&) { return set_number(h.sparse_size, r); }},
    {"GNU.sparse.map", [](auto& h, const auto& r, const auto&) { return set_sparse_map(h, r); }},
    {"GNU.sparse.offset", [](auto& h, const auto& r, const auto&) { return add_sparse_number(h, r, true); }},
    {"GNU.sparse.numbytes",
     [](auto& h, const auto& r, const auto&) { return add_sparse_number(h, r, false); }},
});

Result<> apply_record(PaxHeaders& headers, const Record& record, const UnpackLimits& limits) {
  if (record.key.starts_with(kSchilyXattr))
    return set_xattr(headers, record.key.substr(kSchilyXattr.size()), record.value, limits);
  if (record.key.starts_with(kLibarchiveXattr)) return set_libarchive_xattr(headers, record, limits);
  const auto* known = std::ranges::find(kKeywords, record.key, &Keyword::key);
  // Access times, user names, comments, hdrcharset and vendors' keywords: nothing that a layer needs.
  if (known == kKeywords.end()) return {};
  return known->apply(headers, record, limits);
}

}  // namespace

std::optional<uint64_t> parse_decimal(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value >> 63 != 0)
    return std::nullopt;
  return value;
}

std::optional<TarTime> parse_pax_time(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  size_t dot = text.find('.');
  std::optional<uint64_t> seconds = parse_decimal(text.substr(0, dot));
  if (!seconds) return std::nullopt;
  uint32_t nanoseconds = 0;
  bool finer = false;
  std::string_view digits = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  for (size_t i = 0; i < std::max<size_t>(digits.size(), 9); ++i) {
    char c = i < digits.size() ? digits[i] : '0';
    if (c < '0' || c > '9') return std::nullopt;
    if (i < 9) nanoseconds = nanoseconds * 10 + static_cast<uint32_t>(c - '0');
    finer = finer || (i >= 9 && c != '0');
  }
  auto whole = static_cast<int64_t>(*seconds);
  if (!negative) return TarTime{whole, nanoseconds};
  nanoseconds += finer ? 1 : 0;
  if (nanoseconds == 0) return TarTime{-whole, 0};
  return TarTime{-whole - 1, 1'000'000'000 - nanoseconds};
}

Result<> PaxHeaders::apply(std::string_view records, const UnpackLimits& limits) {
  while (!records.empty()) {
    TRY_ASSIGN(Record record, cut_record(records));
    TRY(apply_record(*this, record, limits));
  }
  return {};
}

}  // namespace shoji::images
