#pragma once
// Writes blobs into the store: verified, fsync(2)ed, and there only when complete.
#include <span>

#include "images/blobs/hash.h"
#include "images/store/scratch.h"
#include "images/store/store.h"

namespace shoji::images {

// A blob whose digest is known, as in a pull. Its bytes collect in partial/, locked, and are found again by the next
// writer of the same digest after a crash.
class BlobWriter {
 public:
  // Waits while another process writes the same blob; afterwards already() tells that it is there. `size` 0: unknown.
  static Result<BlobWriter> open(const Store& store, const Digest& digest, uint64_t size);
  [[nodiscard]] bool already() const { return already_; }
  [[nodiscard]] uint64_t offset() const { return offset_; }  // bytes that are there, hashed again
  [[nodiscard]] int fd() const { return file_.get(); }       // readable from 0 to offset()
  Result<> write(std::span<const char> bytes);
  // Forgets what was written: the server does not go on where we stopped.
  Result<> restart();
  // All is written: kInvalid when size or digest differ (the partial file is removed then). Does no input or output, so
  // that what was unpacked meanwhile can be published before commit() has waited for the disk.
  Result<> verify();
  // Verifies where verify() did not, then fsync(2) and rename(2).
  Result<> commit();

 private:
  BlobWriter(const Store& store, Digest digest, uint64_t size);
  Result<> hash_again();
  const Store* store_;
  Digest digest_;
  uint64_t size_, offset_ = 0;
  bool already_ = false, verified_ = false;
  UniqueFd file_;
  Hasher hasher_;
};

// A blob whose digest is not known before its end. Without commit() nothing is left.
class NewBlob {
 public:
  static Result<NewBlob> create(const Store& store);
  Result<> write(std::span<const char> bytes);
  Result<Descriptor> commit(std::string_view media_type);

 private:
  NewBlob(const Store& store, Scratch file) : store_(&store), file_(std::move(file)) {}
  const Store* store_;
  Scratch file_;
  Hasher hasher_;
  uint64_t size_ = 0;
};

Result<Descriptor> put_blob(const Store& store, std::string_view text, std::string_view media_type);

struct VerifyReport {
  uint64_t blobs = 0, layers = 0, objects = 0;
  std::vector<std::string> faults;  // a sentence each
};
// Hashes every blob again, compares every unpacked layer's objects, and looks for what names need and is missing.
// `repair` removes what is broken, so that the next pull brings it anew.
Result<VerifyReport> verify_store(const Store& store, bool repair);

}  // namespace shoji::images
