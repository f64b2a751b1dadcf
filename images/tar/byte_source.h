#pragma once
// Streams of bytes between the stages of a transfer. Not thread-safe by themselves; images/transfer/pipe.h joins threads.
#include <span>

#include "base/error.h"

namespace shoji::images {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At most into.size() bytes; 0 is the end.
  virtual Result<size_t> read(std::span<char> into) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<> write(std::span<const char> bytes) = 0;
  // What is still buffered goes out; nothing is written after it.
  virtual Result<> finish() = 0;
};

class FdSource final : public ByteSource {
 public:
  FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}  // does not own fd
  Result<size_t> read(std::span<char> into) override;

 private:
  int fd_;
  std::string name_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const char> bytes) : bytes_(bytes) {}
  Result<size_t> read(std::span<char> into) override;

 private:
  std::span<const char> bytes_;
};

}  // namespace shoji::images
