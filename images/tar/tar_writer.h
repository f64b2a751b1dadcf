#pragma once
// Writes pax archives (POSIX.1-2017), deterministically: pax headers only where ustar cannot say it.
#include "images/tar/byte_source.h"
#include "images/tar/tar_entry.h"

namespace shoji::images {

class TarWriter {
 public:
  explicit TarWriter(ByteSink& out) : out_(&out) {}
  // After it come exactly entry.size bytes of a file, or the sum of a sparse file's extents.
  Result<> header(const TarEntry& entry);
  Result<> data(std::span<const char> bytes);
  // Fills up the last block, and ends the archive with two zero blocks. Does not finish `out`.
  Result<> finish();

 private:
  Result<> pad();
  ByteSink* out_;
  uint64_t left_ = 0, written_ = 0;
};

}  // namespace shoji::images
