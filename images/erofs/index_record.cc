#include "images/erofs/index_record.h"

namespace shoji::images {

namespace {

// The first byte of attributes: the type in the low bits, then what follows.
constexpr unsigned kTypeMask = 7, kHasXattrs = 8, kHasObject = 16, kMarkShift = 5;
constexpr size_t kHashBytes = 32;

uint64_t zigzag(int64_t number) {
  return static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
}
int64_t unzigzag(uint64_t number) {
  return static_cast<int64_t>(number >> 1 ^ (~(number & 1) + 1));
}

int hex_value(char digit) {
  return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

void append_hash(std::string& out, std::string_view hex) {
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(hex_value(hex[i]) << 4 | hex_value(hex[i + 1]));
}

void set_hex(std::string& hex, std::string_view raw) {
  constexpr char kDigits[] = "0123456789abcdef";
  hex.resize(raw.size() * 2);
  for (size_t i = 0; i < raw.size(); i++) {
    auto byte = static_cast<unsigned char>(raw[i]);
    hex[2 * i] = kDigits[byte >> 4];
    hex[2 * i + 1] = kDigits[byte & 15];
  }
}

}  // namespace

void append_number(std::string& out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size());
  out += text;
}

uint64_t RecordBytes::number() {
  uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    number |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return number;
  }
  good_ = false;
  rest_ = {};
  return 0;
}

std::string_view RecordBytes::take(uint64_t bytes) {
  if (bytes > rest_.size()) {
    good_ = false;
    rest_ = {};
    return {};
  }
  std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

std::string_view RecordBytes::text() {
  return take(number());
}

void append_attributes(std::string& out, const IndexedEntry& indexed) {
  const TarEntry& entry = indexed.entry;
  unsigned first = static_cast<unsigned>(entry.type) | static_cast<unsigned>(indexed.mark) << kMarkShift;
  if (!entry.xattrs.empty()) first |= kHasXattrs;
  if (!indexed.object.empty()) first |= kHasObject;
  out += static_cast<char>(first);
  for (uint64_t number : {uint64_t{entry.mode}, uint64_t{entry.uid}, uint64_t{entry.gid}, entry.size,
                          zigzag(entry.mtime), uint64_t{entry.mtime_ns}})
    append_number(out, number);
  if (entry.type == EntryType::kHardLink || entry.type == EntryType::kSymlink) append_text(out, entry.link);
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    append_number(out, entry.device_major);
    append_number(out, entry.device_minor);
  }
  if (!entry.xattrs.empty()) {
    append_number(out, entry.xattrs.size());
    for (const auto& [name, value] : entry.xattrs) {
      append_text(out, name);
      append_text(out, value);
    }
  }
  if (!indexed.object.empty()) {
    append_hash(out, indexed.object);
  } else if (entry.type == EntryType::kFile) {
    append_text(out, indexed.inline_content);
  }
}

bool parse_attributes(std::string_view bytes, IndexedEntry& indexed) {
  TarEntry& entry = indexed.entry;
  RecordBytes record(bytes);
  std::string_view head = record.take(1);
  if (head.empty()) return false;
  unsigned first = static_cast<unsigned char>(head[0]);
  if ((first & kTypeMask) > static_cast<unsigned>(EntryType::kFifo) ||
      first >> kMarkShift > static_cast<unsigned>(EntryMark::kOpaque))
    return false;
  entry.type = static_cast<EntryType>(first & kTypeMask);
  indexed.mark = static_cast<EntryMark>(first >> kMarkShift);
  entry.mode = static_cast<mode_t>(record.number()) & 07777;
  entry.uid = static_cast<uid_t>(record.number());
  entry.gid = static_cast<gid_t>(record.number());
  entry.size = record.number();
  entry.mtime = unzigzag(record.number());
  entry.mtime_ns = static_cast<uint32_t>(record.number());
  entry.link.clear();
  if (entry.type == EntryType::kHardLink || entry.type == EntryType::kSymlink) entry.link = record.text();
  bool device = entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice;
  entry.device_major = device ? static_cast<uint32_t>(record.number()) : 0;
  entry.device_minor = device ? static_cast<uint32_t>(record.number()) : 0;
  uint64_t xattrs = (first & kHasXattrs) != 0 ? record.number() : 0;
  entry.xattrs.clear();
  for (; xattrs > 0 && record.good(); --xattrs) {
    std::string_view name = record.text();
    entry.xattrs.emplace_back(name, record.text());
  }
  indexed.object.clear();
  indexed.inline_content.clear();
  if ((first & kHasObject) != 0) {
    set_hex(indexed.object, record.take(kHashBytes));
  } else if (entry.type == EntryType::kFile) {
    indexed.inline_content = record.text();
    if (indexed.mark == EntryMark::kMember && indexed.inline_content.size() != entry.size) return false;
  }
  return record.good() && record.left() == 0;
}

}  // namespace shoji::images
