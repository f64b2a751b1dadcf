#include "images/erofs/index_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "images/erofs/index_format.h"
#include "images/erofs/index_record.h"

namespace shoji::images {

namespace {

constexpr size_t kPieceStep = 8 << 10;                 // pieces start at multiples of it
constexpr size_t kPieceSize = kPieceStep + (2 << 10);  // and overlap by what most entries have at most
constexpr size_t kNumberBytes = 10;                    // of the longest LEB128

Failure broken(std::string_view why) {
  return fail(Kind::kInvalid, cat("layer index: ", why));
}

// Exactly `bytes` more at the end of `out`.
Result<> append_at(int fd, uint64_t offset, size_t bytes, std::string& out) {
  size_t start = out.size();
  out.resize(start + bytes);
  for (size_t done = 0; done < bytes;) {
    ssize_t got = pread(fd, out.data() + start + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read layer index");
    if (got == 0) return broken("it is shorter than it was");
    done += static_cast<size_t>(got);
  }
  return {};
}

}  // namespace

Result<IndexReader> IndexReader::open(int fd) {
  struct stat facts{};
  if (fstat(fd, &facts) != 0) return fail_errno(errno, "layer index");
  auto size = static_cast<uint64_t>(facts.st_size);
  if (size < kIndexMagic.size() + sizeof(IndexTrailer)) return broken("it is too short");
  IndexReader reader(fd, size - sizeof(IndexTrailer));
  TRY(reader.refill());
  if (!reader.buffer_.starts_with(kIndexMagic))
    return broken("it does not start as version 1 of the format does");
  reader.at_ = kIndexMagic.size();
  return reader;
}

// The next block behind what is left of the ones before.
Result<> IndexReader::refill() {
  buffer_.erase(0, at_);
  at_ = 0;
  size_t bytes = std::min<uint64_t>(kIndexBlock, end_ - read_);
  size_t old = buffer_.size();
  TRY(append_at(fd_, read_, bytes, buffer_));
  checksum_.update(std::string_view(buffer_).substr(old));
  read_ += bytes;
  return {};
}

Result<bool> IndexReader::next(IndexedEntry& entry) {
  while (true) {
    size_t left = buffer_.size() - at_;
    if (left == 0 && read_ == end_) {
      TRY(finish());
      return false;
    }
    RecordBytes record(std::string_view(buffer_).substr(at_));
    uint64_t shared = record.number();
    std::string_view rest = record.text();
    size_t attributes_at = at_ + left - record.left();
    std::string_view attributes = record.text();
    if (!record.good()) {
      if (read_ == end_ || left > kAttributesLimit + 2 * kIndexPathLimit)
        return broken("a record is cut off");
      TRY(refill());
      continue;
    }
    if (shared > path_.size() || shared + rest.size() > kIndexPathLimit)
      return broken("a path makes no sense");
    path_.resize(shared);
    path_ += rest;
    entry.entry.path = path_;
    if (!parse_attributes(attributes, entry))
      return broken(cat("attributes of ", quote(path_), " make no sense"));
    position_ = read_ - buffer_.size() + attributes_at;
    at_ += left - record.left();
    ++count_;
    return true;
  }
}

Result<> IndexReader::finish() {
  std::string bytes;
  TRY(append_at(fd_, end_, sizeof(IndexTrailer), bytes));
  IndexTrailer trailer{};
  memcpy(&trailer, bytes.data(), sizeof trailer);
  if (trailer.records != count_ || trailer.checksum != checksum_.value())
    return broken("its checksum differs");
  return {};
}

Result<> IndexWindow::load(int fd, uint64_t start, size_t size, Piece& piece) {
  piece.start = start;
  piece.bytes.resize(size);
  ssize_t got = 0;
  do got = pread(fd, piece.bytes.data(), size, static_cast<off_t>(start));
  while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno(errno, "read layer index");
  piece.bytes.resize(static_cast<size_t>(got));
  return {};
}

Result<> IndexWindow::read(int fd, uint32_t file, uint64_t position, IndexedEntry& entry) {
  auto parse = [&](const Piece& piece) {
    size_t at = position - piece.start;
    if (at >= piece.bytes.size()) return false;
    RecordBytes record(std::string_view(piece.bytes).substr(at));
    std::string_view attributes = record.text();
    return record.good() && parse_attributes(attributes, entry);
  };
  uint64_t number = position / kPieceStep;
  Piece& piece = pieces_[(number + uint64_t{file} * 31) % pieces_.size()];
  if (piece.file != file || piece.start != number * kPieceStep) {
    piece.file = file;
    TRY(load(fd, number * kPieceStep, kPieceSize, piece));
  }
  if (parse(piece)) return {};
  Piece large;  // an entry with many bytes of xattrs
  TRY(load(fd, position, kAttributesLimit + kNumberBytes, large));
  if (parse(large)) return {};
  return broken("an entry that was there is gone");
}

}  // namespace shoji::images
