#pragma once
// Reads a tar archive from a stream: POSIX.1-2017 pax, ustar, GNU and v7.
#include <memory>

#include "images/store/config.h"
#include "images/tar/byte_source.h"
#include "images/tar/tar_entry.h"

namespace shoji::images {

class TarReader {
 public:
  // `source` outlives the reader.
  TarReader(ByteSource& source, const UnpackLimits& limits);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next member, skipping what is left of the one before; false at the end. A bad checksum, a number that makes no
  // sense, an archive that ends inside a member, or more than a limit allows is kInvalid.
  Result<bool> next(TarEntry& entry);
  // Stored bytes of the current member, in order; 0 at their end.
  Result<size_t> read(std::span<char> into);
  // The same without a copy: the next piece of the member, valid until the next call; empty at its end.
  Result<std::span<const char>> peek();
  void consume(size_t bytes);
  // Reads the stream to its end (padding after the archive counts in a diffID).
  Result<> drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shoji::images
