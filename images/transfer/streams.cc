#include "images/transfer/streams.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace shoji::images {

Result<uint64_t> pour(ByteSource& from, ByteSink& to) {
  auto buffer = std::make_unique<char[]>(kPiece);
  uint64_t total = 0;
  for (;;) {
    TRY_ASSIGN(size_t size, from.read({buffer.get(), kPiece}));
    if (size == 0) break;
    TRY(to.write({buffer.get(), size}));
    total += size;
  }
  TRY(to.finish());
  return total;
}

Result<size_t> FilePrefix::read(std::span<char> into) {
  size_t wanted = std::min<uint64_t>(into.size(), end_ - at_);
  if (wanted == 0) return size_t{0};
  ssize_t size = 0;
  do {
    size = pread(fd_, into.data(), wanted, static_cast<off_t>(at_));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno(errno, cat("read ", quote(name_)));
  if (size == 0) return fail(Kind::kInvalid, cat(quote(name_), " ends at byte ", at_, " of ", end_));
  at_ += static_cast<uint64_t>(size);
  return static_cast<size_t>(size);
}

Result<> HashingSink::write(std::span<const char> bytes) {
  hasher_.update(bytes);
  return to_->write(bytes);
}

Result<> InflatingSource::Head::fill() {
  while (size_ < sizeof bytes_) {
    TRY_ASSIGN(size_t size, from_->read(std::span(bytes_).subspan(size_)));
    if (size == 0) break;
    size_ += size;
  }
  return {};
}

Result<size_t> InflatingSource::Head::read(std::span<char> into) {
  if (at_ == size_) return from_->read(into);
  size_t size = std::min(into.size(), size_ - at_);
  memcpy(into.data(), bytes_ + at_, size);
  at_ += size;
  return size;
}

Result<size_t> InflatingSource::read(std::span<char> into) {
  if (!plain_) {
    TRY(head_.fill());
    plain_ = decompressor(head_, sniff_compression(head_.bytes()), ratio_);
  }
  return plain_->read(into);
}

Result<size_t> TeeSource::read(std::span<char> into) {
  TRY_ASSIGN(size_t size, from_->read(into));
  if (size > 0) TRY(copy_->write(into.first(size)));
  return size;
}

Result<> FdSink::write(std::span<const char> bytes) {
  return write_all(fd_, {bytes.data(), bytes.size()}, name_);
}

}  // namespace shoji::images
