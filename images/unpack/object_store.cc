#include "images/unpack/object_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/io.h"

namespace shoji::images {

namespace {

constexpr mode_t kObjectMode = 0444;
// In the private directory, of the one object that is being written.
constexpr const char* kUnfinished = "object";
constexpr char kZeros[64 << 10] = {};

std::string object_name(const std::string& hex) {
  return cat(std::string_view(hex).substr(0, 2), '/', hex);
}

// objects/00 to objects/ff; the last one is there when all are.
Result<> make_fan_out(int objects) {
  if (faccessat(objects, "ff", F_OK, 0) == 0) return {};
  constexpr char kHex[] = "0123456789abcdef";
  for (unsigned i = 0; i < 256; i++) {
    const char name[] = {kHex[i >> 4], kHex[i & 15], '\0'};
    if (mkdirat(objects, name, 0755) != 0 && errno != EEXIST)
      return fail_errno(errno, cat("create ", quote(cat("objects/", name))));
  }
  return {};
}

}  // namespace

Result<ObjectStore> ObjectStore::open(const Store& store, const std::string& directory) {
  TRY_ASSIGN(UniqueFd objects, open_at(store.dir(), "objects", O_RDONLY | O_DIRECTORY));
  TRY(make_fan_out(objects.get()));
  TRY_ASSIGN(UniqueFd scratch, open_file(directory, O_RDONLY | O_DIRECTORY));
  return ObjectStore(std::move(objects), std::move(scratch));
}

Result<bool> ObjectStore::has(const std::string& name, uint64_t size) const {
  struct stat facts{};
  if (fstatat(objects_.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0)
    return S_ISREG(facts.st_mode) && static_cast<uint64_t>(facts.st_size) == size;
  if (errno == ENOENT) return false;
  return fail_errno(errno, cat("inspect ", quote(cat("objects/", name))));
}

Result<UniqueFd> ObjectStore::create() {
  return open_at(scratch_.get(), kUnfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, kObjectMode);
}

// As fast as O_TMPFILE and linkat(2), and it needs no capability to link by descriptor. No fsync(2): unpack_layer()
// syncs the filesystem once, before the layer that needs the objects is published.
Result<> ObjectStore::publish(const UniqueFd& file, const std::string& name) {
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return fail_errno(errno, "inspect object");
  if ((facts.st_mode & 07777) != kObjectMode && fchmod(file.get(), kObjectMode) != 0)
    return fail_errno(errno, cat("change mode of ", quote(cat("objects/", name))));
  if (renameat(scratch_.get(), kUnfinished, objects_.get(), name.c_str()) != 0)
    return fail_errno(errno, cat("rename a file to ", quote(cat("objects/", name))));
  return {};
}

Result<std::string> ObjectStore::put(std::span<const char> content) {
  hasher_.update(content);
  std::string hex = hasher_.finish().hex(), name = object_name(hex);
  TRY_ASSIGN(bool there, has(name, content.size()));
  if (there) return hex;
  TRY_ASSIGN(UniqueFd file, create());
  TRY(write_all(file.get(), {content.data(), content.size()}, cat("objects/", name)));
  TRY(publish(file, name));
  return hex;
}

void ObjectStore::hash_zeros(uint64_t bytes) {
  for (uint64_t piece = 0; bytes > 0; bytes -= piece) {
    piece = std::min<uint64_t>(bytes, sizeof kZeros);
    hasher_.update({kZeros, static_cast<size_t>(piece)});
  }
}

Result<> ObjectStore::write_extent(const UniqueFd& file, const Extent& extent, TarReader& data) {
  if (lseek(file.get(), static_cast<off_t>(extent.offset), SEEK_SET) < 0)
    return fail_errno(errno, "seek in an object");
  for (uint64_t left = extent.size; left > 0;) {
    TRY_ASSIGN(std::span<const char> piece, data.peek());
    if (piece.empty()) return fail(Kind::kInvalid, "the archive ends inside a member");
    piece = piece.first(std::min<uint64_t>(piece.size(), left));
    hasher_.update(piece);
    TRY(write_all(file.get(), {piece.data(), piece.size()}, "an object"));
    left -= piece.size();
    data.consume(piece.size());
  }
  return {};
}

Result<std::string> ObjectStore::put_file(const TarEntry& entry, TarReader& data) {
  TRY_ASSIGN(UniqueFd file, create());
  uint64_t at = 0;
  if (entry.sparse) {
    for (const Extent& extent : entry.extents) {
      hash_zeros(extent.offset - at);
      TRY(write_extent(file, extent, data));
      at = extent.offset + extent.size;
    }
    if (ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
      return fail_errno(errno, "set the size of an object");
    hash_zeros(entry.size - at);
  } else {
    TRY(write_extent(file, {.offset = 0, .size = entry.size}, data));
  }
  std::string hex = hasher_.finish().hex(), name = object_name(hex);
  TRY_ASSIGN(bool there, has(name, entry.size));
  // The file stays where it is then: the next one begins by truncating it, the last goes with its directory.
  if (!there) TRY(publish(file, name));
  return hex;
}

}  // namespace shoji::images
