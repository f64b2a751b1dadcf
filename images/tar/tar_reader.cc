#include "images/tar/tar_reader.h"

#include <algorithm>

#include "images/tar/pax_headers.h"
#include "images/tar/sparse_map.h"
#include "images/tar/stream_buffer.h"
#include "images/tar/tar_block.h"

namespace shoji::images {

namespace {

constexpr unsigned kExtensionLimit = 16;     // extended headers of one member
constexpr size_t kGlobalLimit = 16 << 10;    // bytes of one global header; it is copied for every member
constexpr size_t kLongNameLimit = 64 << 10;  // bytes of a GNU long name
constexpr uint64_t kNobody = 0xffffffff;     // (uid_t)-1, which chown(2) takes for "as it is"
constexpr uint64_t kMajorLimit = 1 << 12, kMinorLimit = 1 << 20;  // of the kernel's dev_t (linux/kdev_t.h)

uint64_t padding_of(uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

// GNU's long names end with a NUL that counts.
std::string c_text(std::string_view text) {
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

struct TarReader::State {
  State(ByteSource& source, const UnpackLimits& said) : stream(source), limits(said) {}

  StreamBuffer stream;
  UnpackLimits limits;
  PaxHeaders global, pax;
  std::string long_name, long_link;
  char header[kTarBlock] = {};
  uint64_t data_left = 0, padding = 0;  // of the current member
  uint64_t entries = 0, bytes = 0;
  bool ended = false;
  bool extended = false;  // an extended header waits for its member
  std::string member;     // for messages

  [[nodiscard]] TarBlock block() const { return TarBlock(header); }
  [[nodiscard]] Failure bad(std::string_view why) const;
  Result<> skip_member();
  Result<bool> read_header();
  Result<std::string> extension_text(uint64_t size, size_t limit);
  Result<bool> take_extension();
  Result<bool> take_headers();
  Result<uint64_t> number(TarField field, const std::optional<uint64_t>& pax_value,
                          std::string_view what) const;
  Result<> set_names(TarEntry& entry);
  Result<> set_type(TarEntry& entry) const;
  Result<> set_owner_and_times(TarEntry& entry) const;
  Result<> set_device(TarEntry& entry) const;
  Result<> set_contents(TarEntry& entry);
  Result<> check_limits(const TarEntry& entry);
  Result<> check_length() const;
};

Failure TarReader::State::bad(std::string_view why) const {
  if (member.empty()) return fail(Kind::kInvalid, cat("archive, byte ", stream.position(), ": ", why));
  return fail(Kind::kInvalid, cat("member ", quote(member), " of the archive: ", why));
}

Result<> TarReader::State::skip_member() {
  TRY_ASSIGN(bool there, stream.skip(data_left + padding));
  if (!there) return bad("the archive ends inside it");
  data_left = padding = 0;
  member.clear();
  return {};
}

// False at the end of the archive: two blocks of zeros, one, or none, as other readers take it.
Result<bool> TarReader::State::read_header() {
  TRY_ASSIGN(std::span<const char> next, stream.need(kTarBlock));
  if (next.empty()) return false;
  if (next.size() < kTarBlock) return bad("it ends inside a header");
  std::ranges::copy(next, header);
  stream.consume(kTarBlock);
  if (block().is_zero()) return false;
  if (!block().has_good_checksum())
    return bad("the checksum of a header is wrong: no tar archive, or damaged");
  return true;
}

Result<std::string> TarReader::State::extension_text(uint64_t size, size_t limit) {
  if (size > limit) return bad(cat("an extended header of ", size, " bytes, more than ", limit));
  std::string text;
  while (text.size() < size) {
    TRY_ASSIGN(std::span<const char> piece, stream.peek());
    if (piece.empty()) return bad("it ends inside an extended header");
    size_t n = std::min(piece.size(), static_cast<size_t>(size) - text.size());
    text.append(piece.data(), n);
    stream.consume(n);
  }
  TRY_ASSIGN(bool there, stream.skip(padding_of(size)));
  if (!there) return bad("it ends inside an extended header");
  return text;
}

// False when the header is a member's own.
Result<bool> TarReader::State::take_extension() {
  char type = block().type();
  if (std::string_view("xXgLKV").find(type) == std::string_view::npos || type == '\0') return false;
  std::optional<int64_t> size = block().number(tar_field::kSize);
  if (!size || *size < 0) return bad("the size of an extended header makes no sense");
  auto length = static_cast<uint64_t>(*size);
  bool is_pax = type == 'x' || type == 'X' || type == 'g';
  size_t limit = type == 'g' ? kGlobalLimit : is_pax ? kPaxLimit : kLongNameLimit;
  TRY_ASSIGN(std::string text, extension_text(length, limit));
  if (type == 'L') long_name = c_text(text);
  if (type == 'K') long_link = c_text(text);
  extended = extended || type == 'L' || type == 'K';
  if (!is_pax) return true;  // V: the label of a volume says nothing
  if (type == 'g' && extended) return bad("a global header stands between a member and its own");
  extended = extended || type != 'g';
  Result<> applied = (type == 'g' ? global : pax).apply(text, limits);
  if (!applied) return bad(applied.error().text);
  if (type == 'g') pax = global;
  return true;
}

// False at the end of the archive.
Result<bool> TarReader::State::take_headers() {
  pax = global;
  long_name.clear();
  long_link.clear();
  extended = false;
  for (unsigned extensions = 0; extensions <= kExtensionLimit; ++extensions) {
    TRY_ASSIGN(bool there, read_header());
    if (!there && extended) return bad("it ends behind an extended header");
    if (!there) return false;
    TRY_ASSIGN(bool is_extension, take_extension());
    if (!is_extension) return true;
  }
  return bad(cat("more than ", kExtensionLimit, " extended headers in a row"));
}

Result<uint64_t> TarReader::State::number(TarField field, const std::optional<uint64_t>& pax_value,
                                          std::string_view what) const {
  if (pax_value) return *pax_value;
  std::optional<int64_t> value = block().number(field);
  if (!value) return bad(cat(what, " is not a number"));
  if (*value < 0) return bad(cat(what, " is negative"));
  return static_cast<uint64_t>(*value);
}

Result<> TarReader::State::set_names(TarEntry& entry) {
  TarBlock now = block();
  if (pax.sparse_name) {
    entry.path = *pax.sparse_name;
  } else if (pax.path) {
    entry.path = *pax.path;
  } else if (!long_name.empty()) {
    entry.path = long_name;
  } else {
    std::string_view prefix;
    if (now.dialect() == TarDialect::kUstar) prefix = now.text(tar_field::kPrefix);
    if (now.dialect() == TarDialect::kStar) prefix = now.text(tar_field::kStarPrefix);
    // Go before 1.8, and so docker of its time, wrote a prefix where GNU has the time of the last access.
    if (now.dialect() == TarDialect::kGnu && now.type() != 'S' && !now.number(tar_field::kGnuAtime))
      prefix = now.text(tar_field::kPrefix);
    entry.path = prefix;
    if (!prefix.empty()) entry.path += '/';
    entry.path += now.text(tar_field::kName);
  }
  member = entry.path;
  if (entry.path.empty()) return bad("a member has no name");
  entry.link.clear();
  if (now.type() != '1' && now.type() != '2') return {};
  entry.link = pax.link             ? *pax.link
               : !long_link.empty() ? long_link
                                    : std::string(now.text(tar_field::kLink));
  if (entry.link.empty()) return bad("a link has no target");
  return {};
}

Result<> TarReader::State::set_type(TarEntry& entry) const {
  switch (block().type()) {
    case '\0':
    case '0':
      // v7 has no type for directories.
      entry.type = entry.path.ends_with('/') ? EntryType::kDirectory : EntryType::kFile;
      return {};
    case '7':  // contiguous, a hint
    case 'S':  // sparse
      entry.type = EntryType::kFile;
      return {};
    case '1':
      entry.type = EntryType::kHardLink;
      return {};
    case '2':
      entry.type = EntryType::kSymlink;
      return {};
    case '3':
      entry.type = EntryType::kCharDevice;
      return {};
    case '4':
      entry.type = EntryType::kBlockDevice;
      return {};
    case '5':
    case 'D':  // GNU: with a list of its members as contents
      entry.type = EntryType::kDirectory;
      return {};
    case '6':
      entry.type = EntryType::kFifo;
      return {};
    default:
      break;
  }
  return fail(Kind::kUnsupported,
              cat("member ", quote(member), " of the archive: type ", quote(block().raw(tar_field::kType))));
}

Result<> TarReader::State::set_owner_and_times(TarEntry& entry) const {
  TRY_ASSIGN(uint64_t mode, number(tar_field::kMode, std::nullopt, "its mode"));
  entry.mode = mode & 07777;
  TRY_ASSIGN(uint64_t uid, number(tar_field::kUid, pax.uid, "its uid"));
  TRY_ASSIGN(uint64_t gid, number(tar_field::kGid, pax.gid, "its gid"));
  if (uid >= kNobody || gid >= kNobody) return bad("its owner is beyond 2^32-2");
  entry.uid = static_cast<uid_t>(uid);
  entry.gid = static_cast<gid_t>(gid);
  if (pax.mtime) {
    entry.mtime = pax.mtime->seconds;
    entry.mtime_ns = pax.mtime->nanoseconds;
    return {};
  }
  std::optional<int64_t> mtime = block().number(tar_field::kMtime);
  if (!mtime) return bad("its time is not a number");
  entry.mtime = *mtime;
  entry.mtime_ns = 0;
  return {};
}

Result<> TarReader::State::set_device(TarEntry& entry) const {
  entry.device_major = entry.device_minor = 0;
  if (entry.type != EntryType::kCharDevice && entry.type != EntryType::kBlockDevice) return {};
  TRY_ASSIGN(uint64_t major, number(tar_field::kMajor, pax.device_major, "its device number"));
  TRY_ASSIGN(uint64_t minor, number(tar_field::kMinor, pax.device_minor, "its device number"));
  if (major >= kMajorLimit || minor >= kMinorLimit) return bad("its device number is too large");
  entry.device_major = static_cast<uint32_t>(major);
  entry.device_minor = static_cast<uint32_t>(minor);
  return {};
}

// Sizes, and the map of a sparse file. Links, directories, devices and fifos have no contents, whatever their size
// says, as Go's archive/tar and so every other runtime reads it: some writers put there the size of the file that a
// hard link means. GNU's 'D' and what a trailing slash makes a directory are the exceptions.
Result<> TarReader::State::set_contents(TarEntry& entry) {
  char type = block().type();
  TRY_ASSIGN(uint64_t stored, number(tar_field::kSize, pax.size, "its size"));
  if (stored > INT64_MAX - kTarBlock) return bad("its size is beyond 2^63-1");
  if (entry.type != EntryType::kFile && std::string_view("\0000D", 3).find(type) == std::string_view::npos)
    stored = 0;
  padding = padding_of(stored);
  data_left = stored;
  entry.sparse = false;
  entry.extents.clear();
  entry.size = entry.type == EntryType::kFile ? stored : 0;
  if (entry.type != EntryType::kFile) return {};
  Result<> mapped;
  if (type == 'S') {
    TRY_ASSIGN(entry.size, number(tar_field::kGnuRealSize, pax.sparse_size, "its size"));
    mapped = read_gnu_sparse_map(stream, header, pax.sparse_map);
  } else if (pax.sparse_major == 1) {
    if (pax.sparse_minor != 0 || !pax.sparse_size) return bad("sparse format is not 1.0");
    entry.size = *pax.sparse_size;
    mapped = read_sparse_map(stream, data_left, pax.sparse_map);
  } else if (pax.sparse) {
    if (!pax.sparse_size) return bad("a sparse file without its size");
    entry.size = *pax.sparse_size;
  } else {
    return {};
  }
  if (mapped) mapped = set_extents(entry, pax.sparse_map, data_left);
  if (!mapped) return bad(mapped.error().text);
  return {};
}

Result<> TarReader::State::check_limits(const TarEntry& entry) {
  if (++entries > limits.entries)
    return bad(cat("the archive has more than ", limits.entries, " members (limits.entries)"));
  if (entry.size > limits.file_bytes)
    return bad(cat("it has ", entry.size, " bytes, more than ", limits.file_bytes, " (limits.fileBytes)"));
  bytes += entry.size;
  if (bytes > limits.bytes)
    return bad(cat("the files up to here have more than ", limits.bytes, " bytes (limits.bytes)"));
  return {};
}

// Headers, and what stands behind the end, cost time as well: an archive may be a page a member longer than its files.
Result<> TarReader::State::check_length() const {
  constexpr uint64_t kPage = 4096;
  if (stream.position() / kPage > limits.bytes / kPage + limits.entries + 1)
    return bad(cat("the archive is longer than files of ", limits.bytes, " bytes need (limits.bytes)"));
  return {};
}

TarReader::TarReader(ByteSource& source, const UnpackLimits& limits)
    : state_(std::make_unique<State>(source, limits)) {}
TarReader::~TarReader() = default;

Result<bool> TarReader::next(TarEntry& entry) {
  State& state = *state_;
  if (state.ended) return false;
  TRY(state.skip_member());
  TRY(state.check_length());
  TRY_ASSIGN(bool there, state.take_headers());
  if (!there) {
    state.ended = true;
    return false;
  }
  TRY(state.set_names(entry));
  TRY(state.set_type(entry));
  TRY(state.set_owner_and_times(entry));
  TRY(state.set_device(entry));
  TRY(state.set_contents(entry));
  TRY(state.check_limits(entry));
  entry.xattrs = std::move(state.pax.xattrs);
  return true;
}

Result<size_t> TarReader::read(std::span<char> into) {
  State& state = *state_;
  if (state.data_left == 0 || into.empty()) return 0;
  TRY_ASSIGN(size_t got, state.stream.read(into.first(std::min<uint64_t>(into.size(), state.data_left))));
  if (got == 0) return state.bad("the archive ends inside it");
  state.data_left -= got;
  return got;
}

Result<std::span<const char>> TarReader::peek() {
  State& state = *state_;
  if (state.data_left == 0) return std::span<const char>();
  TRY_ASSIGN(std::span<const char> piece, state.stream.peek());
  if (piece.empty()) return state.bad("the archive ends inside it");
  return piece.first(std::min<uint64_t>(piece.size(), state.data_left));
}

void TarReader::consume(size_t bytes) {
  state_->stream.consume(bytes);
  state_->data_left -= bytes;
}

Result<> TarReader::drain() {
  State& state = *state_;
  TRY(state.skip_member());
  state.ended = true;
  while (true) {
    TRY_ASSIGN(std::span<const char> piece, state.stream.peek());
    if (piece.empty()) return {};
    state.stream.consume(piece.size());
    TRY(state.check_length());
  }
}

}  // namespace shoji::images
