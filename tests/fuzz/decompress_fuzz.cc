// Compressed streams from strangers: isa-l and zlib agree on gzip, and zstd ends with bytes or a sentence.
#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "images/compress/compression.h"
#include "tests/fuzz/sentence.h"

using namespace shoji;
using namespace shoji::images;

namespace {

constexpr size_t kLimit = 4 << 20;

// In pieces of every size.
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::span<const char> bytes, size_t step) : bytes_(bytes), step_(step) {}
  Result<size_t> read(std::span<char> into) override {
    size_t n = std::min({into.size(), bytes_.size(), step_});
    std::copy_n(bytes_.data(), n, into.data());
    bytes_ = bytes_.subspan(n);
    return n;
  }

 private:
  std::span<const char> bytes_;
  size_t step_;
};

Result<std::string> decompress(std::span<const char> bytes, Compression kind, size_t step, size_t room) {
  PieceSource source(bytes, step);
  auto stream = decompressor(source, kind);
  std::string out, piece(room, '\0');
  while (out.size() < kLimit) {
    TRY_ASSIGN(size_t got, stream->read(piece));
    if (got == 0) break;
    out.append(piece, 0, got);
  }
  return out;
}

// One gzip member after the other; false when anything is wrong.
bool inflate_with_zlib(std::span<const char> bytes, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) abort();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  char piece[65536];
  int code = Z_OK;
  while (code == Z_OK && out.size() < kLimit) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
    if (code == Z_STREAM_END && stream.avail_in > 0) code = inflateReset(&stream);
  }
  inflateEnd(&stream);
  return code == Z_STREAM_END;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  size_t step = 1 + data[0] * 37U, room = 1 + data[1] * 251U;
  std::span<const char> bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  is_good(decompress(bytes, Compression::kZstd, step, room));
  Result<std::string> ours = decompress(bytes, Compression::kGzip, step, room);
  std::string theirs;
  bool good = inflate_with_zlib(bytes, theirs);
  if (theirs.size() >= kLimit) return 0;
  if (is_good(ours)) must(!good || *ours == theirs, "isa-l and zlib inflate to the same bytes");
  must(ours.has_value() == good, "isa-l and zlib agree on what is a gzip stream");
  return 0;
}
