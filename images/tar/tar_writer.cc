#include "images/tar/tar_writer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "images/tar/acl_text.h"
#include "images/tar/tar_block.h"

namespace shoji::images {

namespace {

constexpr uint64_t kOctalLimit7 = uint64_t{1} << 21, kOctalLimit11 = uint64_t{1} << 33;
constexpr char kZeros[2 * kTarBlock] = {};

uint64_t padding_of(uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return '0';
    case EntryType::kHardLink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      return '6';
  }
  return '0';
}

// "LENGTH KEY=VALUE\n": the length counts its own digits.
void add_record(std::string& records, std::string_view key, std::string_view value) {
  size_t fixed = key.size() + value.size() + 3, length = fixed + 1;
  while (fixed + std::to_string(length).size() != length) length = fixed + std::to_string(length).size();
  records += cat(length, ' ', key, '=', value, '\n');
}

class Header {
 public:
  Header() { set({257, 8}, std::string_view("ustar\00000", 8)); }
  void set(TarField field, std::string_view text) {
    memcpy(bytes_ + field.offset, text.data(), std::min<size_t>(field.size, text.size()));
  }
  void octal(TarField field, uint64_t value) {
    for (size_t i = field.size - 1U; i > 0; --i, value >>= 3)
      bytes_[field.offset + i - 1] = static_cast<char>('0' + (value & 7));
  }
  std::span<const char, kTarBlock> finish() {
    // Six digits, NUL, blank: as every writer since v7 has it.
    octal({tar_field::kChecksum.offset, 7}, tar_checksum(bytes_));
    bytes_[tar_field::kChecksum.offset + 7] = ' ';
    return bytes_;
  }

 private:
  char bytes_[kTarBlock] = {};
};

// Whether ustar's two fields can hold the path; where it is cut then. 0: it fits the name alone.
bool split_path(std::string_view path, size_t& cut) {
  cut = 0;
  if (path.size() <= tar_field::kName.size) return true;
  if (path.size() > tar_field::kPrefix.size + 1U + tar_field::kName.size) return false;
  cut = path.find('/', path.size() - tar_field::kName.size - 1);
  return cut != std::string_view::npos && cut > 0 && cut <= tar_field::kPrefix.size && cut + 1 < path.size();
}

std::string time_text(int64_t seconds, uint32_t nanoseconds) {
  bool negative = seconds < 0;
  // -1.5 is kept as -2 s and 500,000,000 ns.
  if (negative && nanoseconds > 0) {
    ++seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  auto whole = negative ? uint64_t{0} - static_cast<uint64_t>(seconds) : static_cast<uint64_t>(seconds);
  std::string text = cat(negative ? "-" : "", whole);
  if (nanoseconds == 0) return text;
  std::string digits = std::to_string(1'000'000'000 + nanoseconds).substr(1);
  while (digits.ends_with('0')) digits.pop_back();
  return cat(text, '.', digits);
}

std::string sparse_map(const TarEntry& entry) {
  // GNU tar makes a file as long as its last part: a hole at the end is an empty part behind it.
  uint64_t end = entry.extents.empty() ? 0 : entry.extents.back().offset + entry.extents.back().size;
  bool ends_in_hole = end < entry.size;
  std::string map = cat(entry.extents.size() + (ends_in_hole ? 1 : 0), '\n');
  for (const Extent& extent : entry.extents) map += cat(extent.offset, '\n', extent.size, '\n');
  if (ends_in_hole) map += cat(entry.size, "\n0\n");
  map.append(padding_of(map.size()), '\0');
  return map;
}

std::string short_name(std::string_view directory, std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  path.remove_prefix(path.rfind('/') + 1);
  return cat(directory, '/', path.substr(0, tar_field::kName.size - directory.size() - 1));
}

// What ustar cannot say about the entry.
std::string pax_records(const TarEntry& entry, uint64_t stored) {
  std::string records;
  size_t cut = 0;
  if (entry.sparse) {
    add_record(records, "GNU.sparse.major", "1");
    add_record(records, "GNU.sparse.minor", "0");
    add_record(records, "GNU.sparse.name", entry.path);
    add_record(records, "GNU.sparse.realsize", std::to_string(entry.size));
  } else if (!split_path(entry.path, cut)) {
    add_record(records, "path", entry.path);
  }
  if (entry.link.size() > tar_field::kLink.size) add_record(records, "linkpath", entry.link);
  if (stored >= kOctalLimit11) add_record(records, "size", std::to_string(stored));
  if (entry.uid >= kOctalLimit7) add_record(records, "uid", std::to_string(entry.uid));
  if (entry.gid >= kOctalLimit7) add_record(records, "gid", std::to_string(entry.gid));
  bool plain_time =
      entry.mtime >= 0 && static_cast<uint64_t>(entry.mtime) < kOctalLimit11 && entry.mtime_ns == 0;
  if (!plain_time) add_record(records, "mtime", time_text(entry.mtime, entry.mtime_ns));
  auto xattrs = entry.xattrs;
  std::ranges::sort(xattrs);
  for (const auto& [name, value] : xattrs) {
    add_record(records, cat("SCHILY.xattr.", name), value);
    // Go's programs look for ACLs there, GNU tar and libarchive only for their text.
    constexpr std::string_view kAcl = "system.posix_acl_";
    if (!name.starts_with(kAcl)) continue;
    std::string text = acl_text(value);
    if (!text.empty()) add_record(records, cat("SCHILY.acl.", name.substr(kAcl.size())), text);
  }
  return records;
}

Header make_header(const TarEntry& entry, char type, uint64_t stored) {
  Header header;
  size_t cut = 0;
  std::string path = entry.path;
  if (entry.sparse || !split_path(path, cut)) {
    path = short_name(entry.sparse ? "GNUSparseFile.0" : ".", entry.path);
    cut = 0;
  }
  if (cut > 0) header.set(tar_field::kPrefix, std::string_view(path).substr(0, cut));
  header.set(tar_field::kName, std::string_view(path).substr(cut > 0 ? cut + 1 : 0));
  header.octal(tar_field::kMode, entry.mode & 07777);
  header.octal(tar_field::kUid, entry.uid < kOctalLimit7 ? entry.uid : 0);
  header.octal(tar_field::kGid, entry.gid < kOctalLimit7 ? entry.gid : 0);
  header.octal(tar_field::kSize, stored < kOctalLimit11 ? stored : 0);
  bool fits = entry.mtime >= 0 && static_cast<uint64_t>(entry.mtime) < kOctalLimit11;
  header.octal(tar_field::kMtime, fits ? static_cast<uint64_t>(entry.mtime) : 0);
  header.set(tar_field::kType, {&type, 1});
  header.set(tar_field::kLink, entry.link);
  header.octal(tar_field::kMajor, entry.device_major);
  header.octal(tar_field::kMinor, entry.device_minor);
  return header;
}

}  // namespace

Result<> TarWriter::pad() {
  if (left_ > 0) return fail(Kind::kState, cat("write archive: ", left_, " bytes of a member are missing"));
  uint64_t padding = padding_of(written_);
  written_ = 0;
  return padding > 0 ? out_->write({kZeros, padding}) : Result<>();
}

Result<> TarWriter::header(const TarEntry& entry) {
  TRY(pad());
  uint64_t contents = entry.type == EntryType::kFile ? entry.size : 0;
  std::string map;
  if (entry.sparse) {
    contents = 0;
    for (const Extent& extent : entry.extents) contents += extent.size;
    map = sparse_map(entry);
  }
  uint64_t stored = contents + map.size();
  if (std::string records = pax_records(entry, stored); !records.empty()) {
    TarEntry extension;
    extension.path = short_name("./PaxHeaders", entry.path);
    extension.mode = 0644;
    TRY(out_->write(make_header(extension, 'x', records.size()).finish()));
    records.append(padding_of(records.size()), '\0');
    TRY(out_->write(records));
  }
  TRY(out_->write(make_header(entry, type_flag(entry.type), stored).finish()));
  if (!map.empty()) TRY(out_->write(map));
  left_ = contents;
  return {};
}

Result<> TarWriter::data(std::span<const char> bytes) {
  if (bytes.size() > left_)
    return fail(Kind::kState,
                cat("write archive: ", bytes.size() - left_, " bytes more than the member has"));
  left_ -= bytes.size();
  written_ += bytes.size();
  return out_->write(bytes);
}

Result<> TarWriter::finish() {
  TRY(pad());
  return out_->write(kZeros);
}

}  // namespace shoji::images
