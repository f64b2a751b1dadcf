#include "images/compress/compression.h"

#include <zlib.h>

#include <random>

#include "tests/catch.h"
#include "tests/images/tar_builder.h"

using namespace shoji;
using namespace shoji::images;

namespace {

// Gives `step` bytes at a time, as a slow connection does.
class SlowSource final : public ByteSource {
 public:
  SlowSource(std::string_view text, size_t step) : text_(text), step_(step) {}
  Result<size_t> read(std::span<char> into) override {
    size_t n = std::min({into.size(), text_.size(), step_});
    std::ranges::copy(text_.substr(0, n), into.data());
    text_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view text_;
  size_t step_;
};

// Half of it compresses well.
std::string sample(size_t size) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size) {
    if (random() % 2 == 0) text.append(random() % 300, static_cast<char>('a' + random() % 4));
    for (unsigned i = random() % 50; i > 0; --i) text += static_cast<char>(random());
  }
  text.resize(size);
  return text;
}

std::string compress(std::string_view text, Compression kind, int level = 0) {
  StringSink out;
  auto sink = compressor(out, kind, level);
  REQUIRE(sink->write(text));
  REQUIRE(sink->finish());
  return out.text;
}

Result<std::string> decompress(std::string_view text, Compression kind, size_t step = 1 << 20,
                               size_t buffer = 1 << 16, uint32_t ratio = 0) {
  SlowSource source(text, step);
  auto stream = decompressor(source, kind, ratio);
  std::string out, piece(buffer, '\0');
  while (true) {
    TRY_ASSIGN(size_t got, stream->read(piece));
    if (got == 0) return out;
    out.append(piece, 0, got);
  }
}

constexpr auto kKinds = {Compression::kNone, Compression::kGzip, Compression::kZstd};

}  // namespace

TEST_CASE("what is compressed comes back, whatever the pieces") {
  for (Compression kind : kKinds) {
    for (size_t size : {size_t{0}, size_t{1}, size_t{70'000}, size_t{3'000'000}}) {
      std::string text = sample(size), packed = compress(text, kind);
      CHECK(sniff_compression(packed) == kind);
      CHECK(decompress(packed, kind) == text);
      CHECK(decompress(packed, kind, 4096, 17'000) == text);
      if (size < 100'000) {
        CHECK(decompress(packed, kind, 1) == text);
        CHECK(decompress(packed, kind, 3, 1) == text);
        CHECK(decompress(packed, kind, 1 << 20, 1) == text);
      }
    }
  }
}

TEST_CASE("compressing is deterministic") {
  std::string text = sample(500'000);
  for (Compression kind : kKinds) CHECK(compress(text, kind) == compress(text, kind));
  CHECK(compress(text, Compression::kGzip, 1).size() > compress(text, Compression::kGzip, 9).size());
  // RFC 1952: no flags, no time.
  CHECK(compress(text, Compression::kGzip).substr(0, 8) == std::string_view("\x1f\x8b\x08\0\0\0\0\0", 8));
  StringSink out;
  CHECK_FALSE(compressor(out, Compression::kGzip, 40)->write(text));
}

TEST_CASE("several gzip members and zstd frames are one stream, skippable frames nothing") {
  std::string skippable("\x5e\x2a\x4d\x18\x03\0\0\0abc", 11);
  for (Compression kind : {Compression::kGzip, Compression::kZstd}) {
    std::string empty = compress("", kind);
    std::string packed = cat(compress(sample(5000), kind), empty, compress("tail", kind), empty);
    if (kind == Compression::kZstd) packed = cat(skippable, packed, skippable);
    for (size_t step : {1, 7, 1 << 20}) CHECK(decompress(packed, kind, step) == sample(5000) + "tail");
  }
  CHECK(sniff_compression(skippable) == Compression::kZstd);
  CHECK(sniff_compression(std::string_view("\x1f")) == Compression::kNone);
  CHECK(sniff_compression({}) == Compression::kNone);
}

TEST_CASE("gzip's optional header fields are read, and its checksums compared") {
  std::string packed = compress("hello, hello, hello", Compression::kGzip);
  // FEXTRA, FNAME, FCOMMENT.
  std::string rich = packed.substr(0, 10) + std::string("\x02\0xyname\0comment\0", 17) + packed.substr(10);
  rich[3] = 4 | 8 | 16;
  for (size_t step : {1, 5, 1000}) CHECK(decompress(rich, Compression::kGzip, step) == "hello, hello, hello");
  // FHCRC, by crc32() of the header's bytes, low half.
  std::string checked = rich.substr(0, 27);
  checked[3] = 2 | 4 | 8 | 16;
  uint32_t crc = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  checked += static_cast<char>(crc & 0xff);
  checked += static_cast<char>(crc >> 8 & 0xff);
  checked += packed.substr(10);
  for (size_t step : {1, 5, 1000})
    CHECK(decompress(checked, Compression::kGzip, step) == "hello, hello, hello");
  checked[4] = 1;  // a time that the checksum does not know
  CHECK(decompress(checked, Compression::kGzip).error().text == "gzip stream: checksum or size is wrong");
  for (uint8_t reserved : {0x20, 0x40, 0x80}) {
    std::string wrong = packed;
    wrong[3] = static_cast<char>(reserved);
    CHECK(decompress(wrong, Compression::kGzip).error().text == "gzip stream: its header is wrong");
  }
  for (size_t i = packed.size() - 8; i < packed.size(); ++i) {
    std::string wrong = packed;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    CHECK(decompress(wrong, Compression::kGzip).error().text == "gzip stream: checksum or size is wrong");
  }
}

TEST_CASE("a compressed stream that ends early, is damaged, or goes on as something else is refused") {
  for (Compression kind : {Compression::kGzip, Compression::kZstd}) {
    std::string text = sample(200'000), packed = compress(text, kind);
    CHECK_FALSE(decompress("", kind));
    for (size_t cut = 1; cut < packed.size(); cut += 1 + cut / 9) {
      auto result = decompress(std::string_view(packed).substr(0, packed.size() - cut), kind);
      REQUIRE_FALSE(result);
      CHECK(result.error().kind == Kind::kInvalid);
    }
    for (size_t at = 0; at < packed.size(); at += 997) {
      std::string wrong = packed;
      wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
      auto result = decompress(wrong, kind);
      // A bit of gzip's header that says nothing (time, system) may differ.
      if (result) CHECK(*result == text);
    }
    for (std::string_view tail : {"garbage, more than eight bytes", "\x1f", "PK"})
      CHECK_FALSE(decompress(packed + std::string(tail), kind));
  }
  CHECK_FALSE(decompress(compress("x", Compression::kZstd), Compression::kGzip));
  CHECK_FALSE(decompress(compress("x", Compression::kGzip), Compression::kZstd));
}

// RFC 8878, 3.1.1.1: a frame header with a window descriptor, and one block of one byte.
TEST_CASE("a zstd stream that wants too much memory is refused") {
  auto frame = [](int window_log) {
    return std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>((window_log - 10) << 3) +
           std::string("\x09\x00\x00x", 4);
  };
  CHECK(decompress(frame(25), Compression::kZstd).value_or("") == "x");
  Result<std::string> refused = decompress(frame(26), Compression::kZstd);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::kUnsupported);
  CHECK(refused.error().text.find("32 MiB") != std::string::npos);
}

TEST_CASE("a gibibyte of zeros in a mebibyte ends at the limit on bytes") {
  TarEntry file;
  file.path = "zeros";
  file.size = 1 << 30;
  StringSink header;
  REQUIRE(TarWriter(header).header(file));
  // As many gzip members, which are one stream.
  std::string packed = compress(header.text, Compression::kGzip);
  std::string zeros = compress(std::string(1 << 20, '\0'), Compression::kGzip);
  for (int i = 0; i < 1 << 10; ++i) packed += zeros;
  CHECK(packed.size() < 1100 << 10);
  for (const UnpackLimits& limits : {UnpackLimits{.bytes = 1 << 20}, UnpackLimits{.file_bytes = 1 << 20}}) {
    SlowSource source(packed, 4096);
    auto stream = decompressor(source, Compression::kGzip);
    TarReader reader(*stream, limits);
    TarEntry entry;
    CHECK(reader.next(entry).error().kind == Kind::kInvalid);
  }
  CHECK(decompress(packed, Compression::kGzip, 1 << 16, 1 << 20, 100)
            .error()
            .text.find("more than 100 times as many (limits.ratio)") != std::string::npos);
}

TEST_CASE("a stream that grows beyond the ratio is refused") {
  std::string zeros(64 << 20, '\0'), packed;
  for (int i = 0; i < 5; ++i) packed += compress(zeros, Compression::kZstd, 1);
  SlowSource source(packed, 4096);
  auto stream = decompressor(source, Compression::kZstd, 200);
  std::string piece(1 << 20, '\0');
  uint64_t total = 0;
  Result<size_t> got = 1;
  while (got && *got > 0) {
    got = stream->read(piece);
    total += got.value_or(0);
  }
  REQUIRE_FALSE(got);
  CHECK(got.error().text.find("more than 200 times as many (limits.ratio)") != std::string::npos);
  CHECK(total == kRatioFree);
  CHECK(
      decompress(std::string_view(packed).substr(0, packed.size() / 5), Compression::kZstd, 4096, 1 << 20, 2)
          .has_value());
}
