#include "images/compress/compression.h"

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(ByteSource& source) : source_(&source) {}
  Result<size_t> read(std::span<char> into) override { return source_->read(into); }

 private:
  ByteSource* source_;
};

class PlainSink final : public ByteSink {
 public:
  explicit PlainSink(ByteSink& out) : out_(&out) {}
  Result<> write(std::span<const char> bytes) override { return out_->write(bytes); }
  Result<> finish() override { return out_->finish(); }

 private:
  ByteSink* out_;
};

// Counts what goes into the decompressor.
class CountingSource final : public ByteSource {
 public:
  explicit CountingSource(ByteSource& source) : source_(&source) {}
  Result<size_t> read(std::span<char> into) override {
    TRY_ASSIGN(size_t got, source_->read(into));
    count_ += got;
    return got;
  }
  [[nodiscard]] uint64_t count() const { return count_; }

 private:
  ByteSource* source_;
  uint64_t count_ = 0;
};

std::unique_ptr<ByteSource> plain_or_library_source(ByteSource& compressed, Compression kind) {
  switch (kind) {
    case Compression::kGzip:
      return gzip_source(compressed);
    case Compression::kZstd:
      return zstd_source(compressed);
    case Compression::kNone:
      break;
  }
  return std::make_unique<PlainSource>(compressed);
}

// Refuses what grows too much: a bomb.
class RatioSource final : public ByteSource {
 public:
  RatioSource(ByteSource& compressed, Compression kind, uint32_t ratio)
      : counted_(compressed), inner_(plain_or_library_source(counted_, kind)), ratio_(ratio) {}
  Result<size_t> read(std::span<char> into) override {
    TRY_ASSIGN(size_t got, inner_->read(into));
    yielded_ += got;
    if (yielded_ > kRatioFree && yielded_ / ratio_ > counted_.count())
      return fail(Kind::kInvalid, cat("compressed stream: ", counted_.count(), " bytes became ", yielded_,
                                      ", more than ", ratio_, " times as many (limits.ratio)"));
    return got;
  }

 private:
  CountingSource counted_;
  std::unique_ptr<ByteSource> inner_;
  uint64_t yielded_ = 0;
  uint32_t ratio_;
};

bool starts_with(std::span<const char> head, std::string_view magic) {
  return std::string_view(head.data(), head.size()).starts_with(magic);
}

}  // namespace

Compression sniff_compression(std::span<const char> head) {
  if (starts_with(head, "\x1f\x8b")) return Compression::kGzip;
  if (starts_with(head, "\x28\xb5\x2f\xfd")) return Compression::kZstd;
  // A skippable frame: 0x184D2A50 to 0x184D2A5F, little endian.
  bool skippable =
      head.size() >= 4 && (head[0] & 0xf0) == 0x50 && starts_with(head.subspan(1), "\x2a\x4d\x18");
  return skippable ? Compression::kZstd : Compression::kNone;
}

std::unique_ptr<ByteSource> decompressor(ByteSource& compressed, Compression kind, uint32_t ratio) {
  if (ratio > 0) return std::make_unique<RatioSource>(compressed, kind, ratio);
  return plain_or_library_source(compressed, kind);
}

std::unique_ptr<ByteSink> compressor(ByteSink& out, Compression kind, int level) {
  switch (kind) {
    case Compression::kGzip:
      return gzip_sink(out, level);
    case Compression::kZstd:
      return zstd_sink(out, level);
    case Compression::kNone:
      break;
  }
  return std::make_unique<PlainSink>(out);
}

}  // namespace shoji::images
