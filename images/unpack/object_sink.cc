// A layer as an index and objects. No member's path ever reaches the filesystem: paths are checked all the same, so that
// a layer is refused or taken whatever the format.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/io.h"
#include "images/erofs/merged_tree.h"
#include "images/unpack/layer_sink.h"
#include "images/unpack/object_store.h"

namespace shoji::images {

namespace {

constexpr size_t kBuffered =
    256 << 10;  // files up to here are hashed before they are written, and written only if new
constexpr size_t kLinkLimit = 4095;  // PATH_MAX without the NUL

class ObjectSink final : public LayerSink {
 public:
  ObjectSink(UniqueFd index, ObjectStore objects, const UnpackLimits& limits)
      : index_(std::move(index)), writer_(index_.get()), objects_(std::move(objects)), limits_(limits) {}

  Result<> add(const TarEntry& entry, TarReader& data) override;
  Result<> finish() override { return writer_.finish(); }

 private:
  Result<> set_path(const TarEntry& entry);
  Result<bool> set_link(const TarEntry& entry);
  void set_xattrs(const TarEntry& entry);
  Result<> set_content(const TarEntry& entry, TarReader& data);
  Result<> read_content(const TarEntry& entry, TarReader& data);

  UniqueFd index_;
  LayerIndexWriter writer_;
  ObjectStore objects_;
  UnpackLimits limits_;
  MergedTree tree_;  // of this layer alone: what is a directory, what a hard link may mean
  IndexedEntry indexed_;
  std::string buffer_;
};

Failure refuse(std::string_view path, std::string_view why) {
  return fail(Kind::kInvalid, cat("member ", quote(path.substr(0, 256)), ": ", why));
}

bool is_below_hidden(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  std::string_view parents = path.substr(0, slash);
  return parents.starts_with(".wh.") || parents.find("/.wh.") != std::string_view::npos;
}

}  // namespace

// Whiteouts become marks on what they hide.
Result<> ObjectSink::set_path(const TarEntry& entry) {
  TRY_ASSIGN(std::string path, member_path(entry.path, limits_));
  if (is_below_hidden(path)) return refuse(path, "a directory above it has a whiteout's name");
  Whiteout kind = whiteout_kind(path);
  if (kind == Whiteout::kReserved) return refuse(path, "the name is reserved among whiteouts");
  indexed_.mark = EntryMark::kMember;
  size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  if (kind == Whiteout::kFile) {
    path.erase(name, std::string_view(".wh.").size());
    indexed_.mark = EntryMark::kWhiteout;
  } else if (kind == Whiteout::kOpaque) {
    path.erase(name == 0 ? 0 : name - 1);
    indexed_.mark = EntryMark::kOpaque;
  } else if (path.empty() && entry.type != EntryType::kDirectory) {
    return refuse(entry.path, "the root is a directory");
  }
  indexed_.entry.path = std::move(path);
  return {};
}

// False: a hard link to itself, which says nothing.
Result<bool> ObjectSink::set_link(const TarEntry& entry) {
  indexed_.entry.link.clear();
  if (entry.type == EntryType::kSymlink) {
    if (entry.link.size() > kLinkLimit) return refuse(entry.path, "the target of the symlink is too long");
    if (entry.link.find('\0') != std::string::npos) return refuse(entry.path, "NUL in the symlink's target");
    indexed_.entry.link = entry.link;
  } else if (entry.type == EntryType::kHardLink) {
    TRY_ASSIGN(indexed_.entry.link, member_path(entry.link, limits_));
    return indexed_.entry.link != indexed_.entry.path;
  }
  return true;
}

// Of a name that comes twice the last value counts, as it does for setxattr(2).
void ObjectSink::set_xattrs(const TarEntry& entry) {
  auto& kept = indexed_.entry.xattrs;
  kept.clear();
  for (const auto& [name, value] : entry.xattrs) {
    if (!is_layer_xattr(name)) continue;
    std::erase_if(kept, [&](const auto& earlier) { return earlier.first == name; });
    kept.emplace_back(name, value);
  }
}

// All of a small file, holes as zeros, into buffer_.
Result<> ObjectSink::read_content(const TarEntry& entry, TarReader& data) {
  buffer_.assign(entry.size, '\0');
  Extent whole{.offset = 0, .size = entry.size};
  std::span<const Extent> extents =
      entry.sparse ? std::span<const Extent>(entry.extents) : std::span(&whole, 1);
  for (const Extent& extent : extents) {
    for (uint64_t done = 0; done < extent.size;) {
      TRY_ASSIGN(size_t got, data.read(std::span(buffer_).subspan(extent.offset + done, extent.size - done)));
      if (got == 0) return refuse(entry.path, "its contents end too early");
      done += got;
    }
  }
  return {};
}

Result<> ObjectSink::set_content(const TarEntry& entry, TarReader& data) {
  indexed_.object.clear();
  indexed_.inline_content.clear();
  if (entry.size > kBuffered) {
    TRY_ASSIGN(indexed_.object, objects_.put_file(entry, data));
    return {};
  }
  if (!entry.sparse && entry.size > kInlineLimit) {
    TRY_ASSIGN(std::span<const char> piece, data.peek());
    if (piece.size() == entry.size) {  // no copy
      TRY_ASSIGN(indexed_.object, objects_.put(piece));
      data.consume(piece.size());
      return {};
    }
  }
  TRY(read_content(entry, data));
  if (entry.size <= kInlineLimit) {
    indexed_.inline_content = buffer_;
    return {};
  }
  TRY_ASSIGN(indexed_.object, objects_.put(buffer_));
  return {};
}

Result<> ObjectSink::add(const TarEntry& entry, TarReader& data) {
  TRY(set_path(entry));
  TarEntry& kept = indexed_.entry;
  if (indexed_.mark != EntryMark::kMember) {
    indexed_ = {.entry = {.path = std::move(kept.path), .link = "", .extents = {}, .xattrs = {}},
                .mark = indexed_.mark,
                .object = "",
                .inline_content = ""};
    TRY(tree_.add(0, indexed_, 0));
    return writer_.add(indexed_);
  }
  TRY_ASSIGN(bool says_something, set_link(entry));
  if (!says_something) return {};
  set_xattrs(entry);
  kept.type = entry.type;
  kept.mode =
      entry.type == EntryType::kSymlink ? 0777 : entry.mode;  // as every filesystem has them (symlink(7))
  kept.uid = entry.uid;
  kept.gid = entry.gid;
  kept.size = entry.type == EntryType::kFile ? entry.size : 0;
  kept.mtime = entry.mtime;
  kept.mtime_ns = entry.mtime_ns;
  kept.device_major = entry.device_major;
  kept.device_minor = entry.device_minor;
  // Before anything is written.
  indexed_.inline_content.clear();
  indexed_.object.assign(kept.size > kInlineLimit ? 64 : 0, '0');
  TRY(tree_.add(0, indexed_, 0));
  if (entry.type == EntryType::kFile) TRY(set_content(entry, data));
  return writer_.add(indexed_);
}

Result<std::unique_ptr<LayerSink>> object_sink(const Store& store, const std::string& directory) {
  TRY_ASSIGN(UniqueFd index, open_file(directory + "/index", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  TRY_ASSIGN(ObjectStore objects, ObjectStore::open(store, directory));
  return std::make_unique<ObjectSink>(std::move(index), std::move(objects), store.config().limits);
}

}  // namespace shoji::images
