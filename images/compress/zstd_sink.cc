// zstd, one frame with a checksum of its contents.
#include <zstd.h>

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

class ZstdSink final : public ByteSink {
 public:
  ZstdSink(ByteSink& out, int level)
      : out_(&out), buffer_(std::make_unique<char[]>(kStreamBuffer)), context_(ZSTD_createCCtx()) {
    set_ =
        ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level == 0 ? ZSTD_CLEVEL_DEFAULT : level);
    if (ZSTD_isError(set_) == 0) set_ = ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdSink() override { ZSTD_freeCCtx(context_); }
  ZstdSink(const ZstdSink&) = delete;
  ZstdSink& operator=(const ZstdSink&) = delete;

  Result<> write(std::span<const char> bytes) override { return compress(bytes, ZSTD_e_continue); }
  Result<> finish() override {
    TRY(compress({}, ZSTD_e_end));
    return out_->finish();
  }

 private:
  Result<> compress(std::span<const char> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    size_t left = set_;
    do {
      ZSTD_outBuffer out{buffer_.get(), kStreamBuffer, 0};
      if (ZSTD_isError(left) == 0) left = ZSTD_compressStream2(context_, &out, &in, directive);
      if (ZSTD_isError(left) != 0) return fail(Kind::kInvalid, cat("zstd: ", ZSTD_getErrorName(left)));
      if (out.pos > 0) TRY(out_->write({buffer_.get(), out.pos}));
    } while (in.pos < in.size || (directive == ZSTD_e_end && left != 0));
    return {};
  }

  ByteSink* out_;
  std::unique_ptr<char[]> buffer_;
  ZSTD_CCtx* context_;
  size_t set_ = 0;
};

}  // namespace

std::unique_ptr<ByteSink> zstd_sink(ByteSink& out, int level) {
  return std::make_unique<ZstdSink>(out, level);
}

}  // namespace shoji::images
