// gzip (RFC 1952): deflate by isa-l's igzip, with checksum and size compared. The headers are read here: igzip takes
// reserved flags for nothing, and forgets a header's checksum where its bytes come in two pieces.
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "images/compress/streams.h"

namespace shoji::images {

namespace {

// RFC 1952, 2.3.1.
constexpr uint8_t kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;
constexpr size_t kFixedHeader = 10;

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(ByteSource& compressed)
      : compressed_(&compressed), in_(std::make_unique<char[]>(kStreamBuffer)) {
    isal_inflate_init(&state_);
  }

  Result<size_t> read(std::span<char> into) override {
    state_.next_out = reinterpret_cast<uint8_t*>(into.data());
    state_.avail_out = static_cast<uint32_t>(std::min<size_t>(into.size(), UINT32_MAX));
    uint32_t room = state_.avail_out;
    while (room > 0 && state_.avail_out == room) {
      TRY(have_input());
      if (!in_member_) {
        // Another member may follow.
        if (ended_ && members_ > 0) break;
        TRY(begin_member());
        TRY(have_input());
      }
      uint32_t before = state_.avail_in;
      if (int code = isal_inflate(&state_); code < 0) return bad(code);
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        in_member_ = false;
        ++members_;
      } else if (state_.avail_out == room && state_.avail_in == before) {
        if (ended_) return too_early();
        if (before > 0) return bad(ISAL_INVALID_BLOCK);  // no step forward
      }
    }
    return room - state_.avail_out;
  }

 private:
  static Failure too_early() { return fail(Kind::kInvalid, "gzip stream: it ends too early"); }

  // At the end of the input there can still be bits and bytes inside the state that wait for room.
  Result<> have_input() {
    if (state_.avail_in > 0 || ended_) return {};
    TRY_ASSIGN(size_t got, compressed_->read({in_.get(), kStreamBuffer}));
    state_.next_in = reinterpret_cast<uint8_t*>(in_.get());
    state_.avail_in = static_cast<uint32_t>(got);
    ended_ = got == 0;
    return {};
  }

  Result<uint8_t> header_byte() {
    TRY(have_input());
    if (state_.avail_in == 0) return too_early();
    --state_.avail_in;
    header_crc_ = crc32_gzip_refl(header_crc_, state_.next_in, 1);
    return *state_.next_in++;
  }

  Result<uint16_t> header_number() {
    TRY_ASSIGN(uint8_t low, header_byte());
    TRY_ASSIGN(uint8_t high, header_byte());
    return static_cast<uint16_t>(low | high << 8);
  }

  Result<> skip_text() {
    while (true) {
      TRY_ASSIGN(uint8_t byte, header_byte());
      if (byte == 0) return {};
    }
  }

  Result<> begin_member() {
    header_crc_ = 0;
    uint8_t fixed[kFixedHeader];
    for (size_t i = 0; i < kFixedHeader; ++i) {
      TRY_ASSIGN(fixed[i], header_byte());
      constexpr uint8_t kStart[] = {0x1f, 0x8b, 8};  // 8: deflate, the only method there is
      if (i < sizeof kStart && fixed[i] != kStart[i]) return bad_header();
    }
    uint8_t flags = fixed[3];
    if ((flags & kReserved) != 0) return bad_header();
    if ((flags & kExtra) != 0) {
      TRY_ASSIGN(uint16_t size, header_number());
      for (; size > 0; --size) TRY(header_byte());
    }
    if ((flags & kName) != 0) TRY(skip_text());
    if ((flags & kComment) != 0) TRY(skip_text());
    uint32_t crc = header_crc_;
    if ((flags & kHeaderCrc) != 0) {
      TRY_ASSIGN(uint16_t said, header_number());
      if (said != (crc & 0xffff)) return bad(ISAL_INCORRECT_CHECKSUM);
    }
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;  // the trailer's checksum and size are compared
    in_member_ = true;
    return {};
  }

  [[nodiscard]] Failure bad_header() const {
    return fail(Kind::kInvalid, members_ == 0 ? "gzip stream: its header is wrong"
                                              : "gzip stream: something else stands behind its end");
  }

  static Failure bad(int code) {
    return fail(Kind::kInvalid, code == ISAL_INCORRECT_CHECKSUM ? "gzip stream: checksum or size is wrong"
                                                                : "gzip stream: its data are damaged");
  }

  ByteSource* compressed_;
  std::unique_ptr<char[]> in_;
  inflate_state state_;
  uint32_t header_crc_ = 0;
  bool in_member_ = false, ended_ = false;
  uint64_t members_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> gzip_source(ByteSource& compressed) {
  return std::make_unique<GzipSource>(compressed);
}

}  // namespace shoji::images
