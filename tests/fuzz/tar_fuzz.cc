// Whatever the bytes of an archive are, reading ends with members that make sense or with one sentence; and what was read,
// written by our writer, is read as the same again.
#include <cstdint>
#include <cstring>

#include "images/tar/tar_block.h"
#include "images/tar/tar_reader.h"
#include "images/tar/tar_writer.h"
#include "images/unpack/layer_sink.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;
using namespace shoji::images;

namespace {

class StringSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;
};

struct Member {
  TarEntry entry;
  std::string contents;
};

const UnpackLimits kLimits{.bytes = 1 << 20, .entries = 100, .file_bytes = 1 << 19};

void check_entry(const TarEntry& entry) {
  must(!entry.path.empty() && entry.path.find('\0') == std::string::npos, "a path without NUL");
  must((entry.mode & ~07777U) == 0, "a mode of twelve bits");
  must(entry.size <= kLimits.file_bytes, "a size within the limits");
  must(entry.mtime_ns < 1'000'000'000, "less than a second of nanoseconds");
  uint64_t end = 0;
  for (const Extent& extent : entry.extents) {
    must(extent.offset >= end && extent.size <= entry.size && extent.offset <= entry.size - extent.size,
         "parts in order");
    end = extent.offset + extent.size;
  }
  if (Result<std::string> path = member_path(entry.path, kLimits); is_good(path)) {
    must(!path->starts_with('/') && !path->starts_with("../") && *path != ".." &&
             path->find("/../") == std::string::npos && !path->ends_with("/.."),
         "a path below the root");
    must(member_path(*path, kLimits) == *path, "a clean path stays");
  }
}

Result<std::vector<Member>> read_all(std::string_view archive) {
  MemorySource source(archive);
  TarReader reader(source, kLimits);
  std::vector<Member> members;
  TarEntry entry;
  while (true) {
    TRY_ASSIGN(bool there, reader.next(entry));
    if (!there) break;
    check_entry(entry);
    members.push_back({entry, {}});
    char piece[700];
    while (true) {
      TRY_ASSIGN(size_t got, reader.read(piece));
      if (got == 0) break;
      members.back().contents.append(piece, got);
    }
  }
  TRY(reader.drain());
  return members;
}

// Mutations would hardly ever meet a checksum: every block that has a magic gets a good one.
std::string with_checksums(std::string archive) {
  for (size_t at = 0; at + kTarBlock <= archive.size(); at += kTarBlock) {
    if (std::string_view(archive).substr(at + tar_field::kMagic.offset, 5) != "ustar") continue;
    uint32_t sum = tar_checksum(std::span<const char, kTarBlock>(archive.data() + at, kTarBlock));
    snprintf(archive.data() + at + tar_field::kChecksum.offset, 8, "%06o", sum);
  }
  return archive;
}

uint64_t stored_bytes(const TarEntry& entry) {
  uint64_t sum = 0;
  for (const Extent& extent : entry.extents) sum += extent.size;
  return entry.sparse ? sum : entry.size;
}

void check_round_trip(std::vector<Member>& members) {
  StringSink out;
  TarWriter writer(out);
  for (Member& member : members) {
    // A directory can have had contents in an old format.
    member.contents.resize(member.entry.type == EntryType::kFile ? member.contents.size() : 0);
    must(member.contents.size() == stored_bytes(member.entry), "all bytes of the member were there");
    must(writer.header(member.entry) && writer.data(member.contents), "it can be written");
  }
  must(writer.finish().has_value(), "it can be finished");
  Result<std::vector<Member>> again = read_all(out.text);
  // A file whose v7 name ends in a slash, or xattrs that fill a whole header, are said otherwise.
  if (!is_good(again)) return;
  must(again->size() == members.size(), "as many members");
  for (size_t i = 0; i < members.size(); ++i) {
    const TarEntry &was = members[i].entry, &is = (*again)[i].entry;
    must(is.path == was.path && is.link == was.link && is.type == was.type, "the same name and type");
    must(is.uid == was.uid && is.gid == was.gid && is.mode == was.mode, "the same owner and mode");
    must(is.mtime == was.mtime && is.mtime_ns == was.mtime_ns, "the same time");
    must(is.size == was.size && (*again)[i].contents == members[i].contents, "the same contents");
    must(is.device_major == was.device_major && is.device_minor == was.device_minor, "the same device");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string archive = with_checksums(std::string(reinterpret_cast<const char*>(data), size));
  Result<std::vector<Member>> members = read_all(archive);
  if (is_good(members)) check_round_trip(*members);
  return 0;
}
