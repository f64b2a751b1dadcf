#include "images/blobs/blob_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

constexpr size_t kChunk = 256 << 10;

std::string partial_name(const Digest& digest) {
  return cat("partial/", digest.file_name());
}
std::string blob_directory(const Digest& digest) {
  return cat("blobs/", algorithm_name(digest.algorithm()));
}
std::string blob_name(const Digest& digest) {
  return cat(blob_directory(digest), '/', digest.hex());
}

// Locks the partial file; waits while somebody else writes it. Who had it may have renamed or removed it meanwhile.
Result<UniqueFd> lock_partial(const Store& store, const Digest& digest) {
  std::string name = partial_name(digest);
  while (true) {
    TRY_ASSIGN(UniqueFd fd, lock_at(store.dir(), name, LOCK_EX));
    struct stat mine{}, there{};
    if (fstat(fd.get(), &mine) != 0) return fail_errno(errno, cat("inspect ", quote(name)));
    if (fstatat(store.dir(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && mine.st_ino == there.st_ino &&
        mine.st_dev == there.st_dev)
      return fd;
  }
}

// What was written is on disk, verified: gives it its name.
Result<> publish(const Store& store, int fd, const std::string& from, const Digest& digest) {
  if (fchmod(fd, 0644) != 0) return fail_errno(errno, cat("change mode of ", quote(from)));
  TRY(sync_file(fd, from));
  if (renameat(store.dir(), from.c_str(), store.dir(), blob_name(digest).c_str()) != 0)
    return fail_errno(errno, cat("rename ", quote(from), " to ", quote(blob_name(digest))));
  return sync_directory(store, blob_directory(digest));
}

}  // namespace

BlobWriter::BlobWriter(const Store& store, Digest digest, uint64_t size)
    : store_(&store), digest_(std::move(digest)), size_(size), hasher_(digest_.algorithm()) {}

Result<BlobWriter> BlobWriter::open(const Store& store, const Digest& digest, uint64_t size) {
  BlobWriter writer(store, digest, size);
  writer.already_ = find_blob(store, digest).has_value();
  if (writer.already_) return writer;
  TRY_ASSIGN(writer.file_, lock_partial(store, digest));
  // Whoever was waited for may have finished it.
  writer.already_ = find_blob(store, digest).has_value();
  if (writer.already_) {
    unlinkat(store.dir(), partial_name(digest).c_str(), 0);
    writer.file_.reset();
    return writer;
  }
  TRY(writer.hash_again());
  return writer;
}

// What a killed writer left: hashed again, for only the hash says whether it is right. Too much is none of this blob.
Result<> BlobWriter::hash_again() {
  std::string chunk(kChunk, '\0');
  while (true) {
    ssize_t n = pread(file_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, cat("read ", quote(partial_name(digest_))));
    if (n == 0) break;
    hasher_.update(std::span(chunk).first(static_cast<size_t>(n)));
    offset_ += static_cast<uint64_t>(n);
    if (size_ != 0 && offset_ > size_) return restart();
  }
  if (lseek(file_.get(), static_cast<off_t>(offset_), SEEK_SET) < 0)
    return fail_errno(errno, cat("seek in ", quote(partial_name(digest_))));
  return {};
}

Result<> BlobWriter::write(std::span<const char> bytes) {
  if (size_ != 0 && bytes.size() > size_ - offset_)
    return fail(Kind::kInvalid, cat("blob ", digest_.text(), " is longer than ", size_, " bytes"));
  TRY(write_all(file_.get(), std::string_view(bytes.data(), bytes.size()), partial_name(digest_)));
  hasher_.update(bytes);
  offset_ += bytes.size();
  return {};
}

Result<> BlobWriter::restart() {
  if (ftruncate(file_.get(), 0) != 0 || lseek(file_.get(), 0, SEEK_SET) < 0)
    return fail_errno(errno, cat("truncate ", quote(partial_name(digest_))));
  hasher_ = Hasher(digest_.algorithm());
  offset_ = 0;
  return {};
}

Result<> BlobWriter::verify() {
  if (already_ || verified_) return {};
  auto refuse = [&](std::string_view why) {
    unlinkat(store_->dir(), partial_name(digest_).c_str(), 0);
    return fail(Kind::kInvalid, cat("blob ", digest_.text(), ": ", why));
  };
  if (size_ != 0 && offset_ != size_) return refuse(cat("it has ", offset_, " bytes instead of ", size_));
  Digest found = hasher_.finish();
  if (found != digest_) return refuse(cat("its content has the digest ", found.text()));
  verified_ = true;
  return {};
}

Result<> BlobWriter::commit() {
  if (already_) return {};
  TRY(verify());
  TRY(publish(*store_, file_.get(), partial_name(digest_), digest_));
  already_ = true;
  file_.reset();
  return {};
}

// --- blobs without a digest yet ------------------------------------------------------------------------------------

Result<NewBlob> NewBlob::create(const Store& store) {
  TRY_ASSIGN(Scratch file, Scratch::make_file(store, "blob"));
  return NewBlob(store, std::move(file));
}

Result<> NewBlob::write(std::span<const char> bytes) {
  TRY(write_all(file_.fd(), std::string_view(bytes.data(), bytes.size()), file_.path()));
  hasher_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<Descriptor> NewBlob::commit(std::string_view media_type) {
  Descriptor out;
  out.media_type = media_type;
  out.digest = hasher_.finish();
  out.size = size_;
  // Touched: for a sweep it is as if this process had written it (Leases::oldest).
  if (utimensat(store_->dir(), blob_name(out.digest).c_str(), nullptr, 0) == 0) return out;
  if (find_blob(*store_, out.digest)) return out;  // in a shared store
  TRY(sync_file(file_.fd(), file_.path()));
  TRY(file_.publish(blob_name(out.digest)));
  TRY(sync_directory(*store_, blob_directory(out.digest)));
  return out;
}

Result<Descriptor> put_blob(const Store& store, std::string_view text, std::string_view media_type) {
  TRY_ASSIGN(NewBlob blob, NewBlob::create(store));
  TRY(blob.write(text));
  return blob.commit(media_type);
}

}  // namespace shoji::images
