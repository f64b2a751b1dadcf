#pragma once
// Small pieces that the streams of a transfer are joined from.
#include "images/blobs/blob_writer.h"
#include "images/compress/compression.h"

namespace shoji::images {

inline constexpr size_t kPiece = 128 << 10;  // what one read or write moves

// All of `from` into `to`; finishes `to`. Returns how many bytes there were.
Result<uint64_t> pour(ByteSource& from, ByteSink& to);

// A file's bytes from 0 to `end`, whatever its offset is (pread(2)).
class FilePrefix final : public ByteSource {
 public:
  FilePrefix(int fd, uint64_t end, std::string name) : fd_(fd), end_(end), name_(std::move(name)) {}
  Result<size_t> read(std::span<char> into) override;

 private:
  int fd_;
  uint64_t at_ = 0, end_;
  std::string name_;
};

// Hashes what passes.
class HashingSink final : public ByteSink {
 public:
  explicit HashingSink(ByteSink& to, HashAlgorithm algorithm = HashAlgorithm::kSha256)
      : to_(&to), hasher_(algorithm) {}
  Result<> write(std::span<const char> bytes) override;
  Result<> finish() override { return to_->finish(); }
  Digest digest() { return hasher_.finish(); }

 private:
  ByteSink* to_;
  Hasher hasher_;
};

// A stream that may be compressed, whatever its name says: found out by its first bytes (media types are often wrong).
class InflatingSource final : public ByteSource {
 public:
  // `ratio`: UnpackLimits::ratio.
  explicit InflatingSource(ByteSource& from, uint32_t ratio = 0) : head_(from), ratio_(ratio) {}
  Result<size_t> read(std::span<char> into) override;

 private:
  // Gives back the bytes that were looked at.
  class Head final : public ByteSource {
   public:
    explicit Head(ByteSource& from) : from_(&from) {}
    Result<> fill();
    [[nodiscard]] std::span<const char> bytes() const { return std::span(bytes_).subspan(at_, size_ - at_); }
    Result<size_t> read(std::span<char> into) override;

   private:
    ByteSource* from_;
    char bytes_[512] = {};
    size_t at_ = 0, size_ = 0;
  };
  Head head_;
  uint32_t ratio_;
  std::unique_ptr<ByteSource> plain_;
};

// Copies what is read to a sink as well.
class TeeSource final : public ByteSource {
 public:
  TeeSource(ByteSource& from, ByteSink& copy) : from_(&from), copy_(&copy) {}
  Result<size_t> read(std::span<char> into) override;

 private:
  ByteSource* from_;
  ByteSink* copy_;
};

class NewBlobSink final : public ByteSink {
 public:
  explicit NewBlobSink(NewBlob& blob) : blob_(&blob) {}
  Result<> write(std::span<const char> bytes) override { return blob_->write(bytes); }
  Result<> finish() override { return {}; }

 private:
  NewBlob* blob_;
};

class FdSink final : public ByteSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}  // does not own fd
  Result<> write(std::span<const char> bytes) override;
  Result<> finish() override { return {}; }

 private:
  int fd_;
  std::string name_;
};

}  // namespace shoji::images
