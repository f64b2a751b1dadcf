// gzip by zlib, whose output for a level is the same on every processor; isa-l's is not promised to be.
#include <zlib.h>

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

class GzipSink final : public ByteSink {
 public:
  GzipSink(ByteSink& out, int level) : out_(&out), buffer_(std::make_unique<char[]>(kStreamBuffer)) {
    constexpr int kGzipWindow =
        15 + 16;  // zlib.h: 16 is for gzip's header, which then has no name and no time
    ready_ = deflateInit2(&stream_, level == 0 ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED, kGzipWindow, 8,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipSink() override {
    if (ready_) deflateEnd(&stream_);
  }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  Result<> write(std::span<const char> bytes) override {
    while (!bytes.empty()) {
      std::span<const char> piece = bytes.first(std::min<size_t>(bytes.size(), 1U << 30));
      bytes = bytes.subspan(piece.size());
      TRY(deflate_all(piece, Z_NO_FLUSH));
    }
    return {};
  }
  Result<> finish() override {
    TRY(deflate_all({}, Z_FINISH));
    return out_->finish();
  }

 private:
  Result<> deflate_all(std::span<const char> bytes, int flush) {
    if (!ready_) return fail(Kind::kInvalid, "gzip: the level of compression is from 1 to 9");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.get());
      stream_.avail_out = kStreamBuffer;
      deflate(&stream_, flush);
      if (size_t got = kStreamBuffer - stream_.avail_out; got > 0) TRY(out_->write({buffer_.get(), got}));
    } while (stream_.avail_out == 0);
    return {};
  }

  ByteSink* out_;
  std::unique_ptr<char[]> buffer_;
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<ByteSink> gzip_sink(ByteSink& out, int level) {
  return std::make_unique<GzipSink>(out, level);
}

}  // namespace shoji::images
