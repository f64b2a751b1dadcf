// zstd (RFC 8878). Skippable frames, which zstd:chunked and seekable formats put behind the data, are skipped.
#include <zstd.h>
#include <zstd_errors.h>

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

// 32 MiB, the most that the compressors of images use (klauspost's zstd at its best level). RFC 8878, 3.1.1.1.2: more than
// 8 MiB may be refused; the library's own limit would be 128 MiB for each layer.
constexpr int kWindowLog = 25;

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(ByteSource& compressed)
      : compressed_(&compressed),
        in_(std::make_unique<char[]>(kStreamBuffer)),
        stream_(ZSTD_createDStream()) {
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kWindowLog);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<size_t> read(std::span<char> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0 && !into.empty()) {
      if (at_.pos == at_.size && !more_out_) {
        TRY_ASSIGN(bool there, fill());
        if (!there) break;
      }
      size_t hint = ZSTD_decompressStream(stream_, &out, &at_);
      if (ZSTD_getErrorCode(hint) == ZSTD_error_frameParameter_windowTooLarge) {
        return fail(Kind::kUnsupported, cat("zstd stream: to inflate it takes more than ",
                                            1U << (kWindowLog - 20), " MiB of memory (its window)"));
      }
      if (ZSTD_isError(hint) != 0) return fail(Kind::kInvalid, cat("zstd stream: ", ZSTD_getErrorName(hint)));
      in_frame_ = hint != 0;
      any_ = any_ || hint == 0;
      more_out_ = in_frame_ && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  Result<bool> fill() {
    TRY_ASSIGN(size_t got, compressed_->read({in_.get(), kStreamBuffer}));
    at_ = {in_.get(), got, 0};
    if (got > 0) return true;
    if (in_frame_ || !any_) return fail(Kind::kInvalid, "zstd stream: it ends too early");
    return false;
  }

  ByteSource* compressed_;
  std::unique_ptr<char[]> in_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer at_{nullptr, 0, 0};
  bool in_frame_ = false, any_ = false, more_out_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> zstd_source(ByteSource& compressed) {
  return std::make_unique<ZstdSource>(compressed);
}

}  // namespace shoji::images
