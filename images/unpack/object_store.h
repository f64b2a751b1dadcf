#pragma once
// objects/ of a store: contents of files by their sha256. An object is written once and never changed.
#include <span>

#include "images/blobs/hash.h"
#include "images/store/store.h"
#include "images/tar/tar_reader.h"

namespace shoji::images {

class ObjectStore {
 public:
  // `directory`: a private one below tmp/, on the store's filesystem.
  static Result<ObjectStore> open(const Store& store, const std::string& directory);
  // Returns the hex of its digest.
  Result<std::string> put(std::span<const char> content);
  // The content of a file of `entry.size` bytes, which are read from `data`. Holes of sparse files stay holes.
  Result<std::string> put_file(const TarEntry& entry, TarReader& data);

 private:
  ObjectStore(UniqueFd objects, UniqueFd scratch)
      : objects_(std::move(objects)), scratch_(std::move(scratch)) {}
  // True when the object is there. One of another size was cut off by a power failure: it is replaced.
  Result<bool> has(const std::string& name, uint64_t size) const;
  Result<UniqueFd> create();
  Result<> publish(const UniqueFd& file, const std::string& name);
  Result<> write_extent(const UniqueFd& file, const Extent& extent, TarReader& data);
  void hash_zeros(uint64_t bytes);

  UniqueFd objects_, scratch_;
  Hasher hasher_;
};

}  // namespace shoji::images
