// gzip (RFC 1952), inflated by isa-l's igzip.
#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(ByteSource& compressed)
      : compressed_(&compressed), in_(std::make_unique<char[]>(kStreamBuffer)) {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;  // header with its CRC, and the trailer's CRC and size, are checked
  }

  Result<size_t> read(std::span<char> into) override {
    state_.next_out = reinterpret_cast<uint8_t*>(into.data());
    state_.avail_out = static_cast<uint32_t>(std::min<size_t>(into.size(), UINT32_MAX));
    uint32_t room = state_.avail_out;
    while (room > 0 && state_.avail_out == room) {
      TRY(have_input());
      if (ended_ && !in_member_) break;
      in_member_ = true;
      uint32_t before = state_.avail_in;
      if (int code = isal_inflate(&state_); code < 0) return bad(code);
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        next_member();
      } else if (state_.avail_out == room && state_.avail_in == before) {
        if (ended_) return fail(Kind::kInvalid, "gzip stream: it ends too early");
        if (before > 0) return bad(ISAL_INVALID_BLOCK);  // no step forward
      }
    }
    return room - state_.avail_out;
  }

 private:
  // At the end of the input there can still be bits and bytes inside the state that wait for room.
  Result<> have_input() {
    if (state_.avail_in > 0 || ended_) return {};
    TRY_ASSIGN(size_t got, compressed_->read({in_.get(), kStreamBuffer}));
    state_.next_in = reinterpret_cast<uint8_t*>(in_.get());
    state_.avail_in = static_cast<uint32_t>(got);
    ended_ = got == 0;
    if (ended_ && members_ == 0 && !in_member_) return fail(Kind::kInvalid, "gzip stream: it is empty");
    return {};
  }

  void next_member() {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;
    in_member_ = false;
    ++members_;
  }

  [[nodiscard]] Failure bad(int code) const {
    if (code == ISAL_INCORRECT_CHECKSUM)
      return fail(Kind::kInvalid, "gzip stream: checksum or size is wrong");
    if (code == ISAL_INVALID_WRAPPER || code == ISAL_UNSUPPORTED_METHOD)
      return fail(Kind::kInvalid, members_ == 0 ? "gzip stream: its header is wrong"
                                                : "gzip stream: something else stands behind its end");
    return fail(Kind::kInvalid, "gzip stream: its data are damaged");
  }

  ByteSource* compressed_;
  std::unique_ptr<char[]> in_;
  inflate_state state_;
  bool in_member_ = false, ended_ = false;
  uint64_t members_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> gzip_source(ByteSource& compressed) {
  return std::make_unique<GzipSource>(compressed);
}

}  // namespace shoji::images
