#include "images/tar/sparse_map.h"

#include <algorithm>

#include "images/tar/tar_block.h"

namespace shoji::images {

namespace {

Failure bad_map(std::string_view why) {
  return fail(Kind::kInvalid, cat("map of a sparse file: ", why));
}

// Decimal lines out of blocks of 512 bytes.
class LineReader {
 public:
  LineReader(StreamBuffer& stream, uint64_t& stored) : stream_(&stream), stored_(&stored) {}

  Result<uint64_t> number() {
    std::string digits;
    while (true) {
      if (at_ == used_) TRY(next_block());
      char c = block_[at_++];
      if (c == '\n') break;
      digits += c;
      if (digits.size() > 20) return bad_map("a line is too long");
    }
    std::optional<uint64_t> value = parse_decimal(digits);
    if (!value) return bad_map(cat(quote(digits), " is not a number"));
    return *value;
  }

 private:
  Result<> next_block() {
    if (*stored_ < kTarBlock) return bad_map("it is longer than the member");
    TRY_ASSIGN(std::span<const char> bytes, stream_->need(kTarBlock));
    if (bytes.size() < kTarBlock) return bad_map("the archive ends inside it");
    std::ranges::copy(bytes, block_);
    stream_->consume(kTarBlock);
    *stored_ -= kTarBlock;
    at_ = 0;
    used_ = kTarBlock;
    return {};
  }

  StreamBuffer* stream_;
  uint64_t* stored_;
  char block_[kTarBlock] = {};
  size_t at_ = 0, used_ = 0;
};

// The pairs of one table; one that is empty ends it.
Result<> add_gnu_pairs(std::string_view table, std::vector<uint64_t>& numbers) {
  constexpr size_t kDigits = 12;
  for (; table.size() >= 2 * kDigits; table.remove_prefix(2 * kDigits)) {
    if (table[0] == '\0') return {};
    std::optional<int64_t> offset = parse_tar_number(table.substr(0, kDigits));
    std::optional<int64_t> size = parse_tar_number(table.substr(kDigits, kDigits));
    if (!offset || !size || *offset < 0 || *size < 0) return bad_map("a number makes no sense");
    if (numbers.size() >= 2 * kSparseLimit) return bad_map("it has too many parts");
    numbers.push_back(static_cast<uint64_t>(*offset));
    numbers.push_back(static_cast<uint64_t>(*size));
  }
  return {};
}

}  // namespace

Result<> read_sparse_map(StreamBuffer& stream, uint64_t& stored, std::vector<uint64_t>& numbers) {
  numbers.clear();
  LineReader lines(stream, stored);
  TRY_ASSIGN(uint64_t count, lines.number());
  if (count > kSparseLimit) return bad_map("it has too many parts");
  for (uint64_t i = 0; i < 2 * count; ++i) {
    TRY_ASSIGN(uint64_t number, lines.number());
    numbers.push_back(number);
  }
  return {};
}

Result<> read_gnu_sparse_map(StreamBuffer& stream, std::span<const char, 512> header,
                             std::vector<uint64_t>& numbers) {
  numbers.clear();
  TarBlock block(header);
  TRY(add_gnu_pairs(block.raw(tar_field::kGnuMap), numbers));
  bool more = block.raw(tar_field::kGnuMore)[0] != '\0';
  for (size_t blocks = 0; more; ++blocks) {
    if (blocks > kSparseLimit / 21 + 1) return bad_map("it has too many parts");
    TRY_ASSIGN(std::span<const char> bytes, stream.need(kTarBlock));
    if (bytes.size() < kTarBlock) return bad_map("the archive ends inside it");
    TarBlock next(bytes.first<kTarBlock>());
    TRY(add_gnu_pairs(next.raw(tar_field::kGnuNextMap), numbers));
    more = next.raw(tar_field::kGnuNextMore)[0] != '\0';
    stream.consume(kTarBlock);
  }
  return {};
}

Result<> set_extents(TarEntry& entry, std::span<const uint64_t> numbers, uint64_t stored) {
  if (numbers.size() % 2 != 0) return bad_map("an offset has no size");
  entry.sparse = true;
  entry.extents.clear();
  uint64_t end = 0, sum = 0;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    Extent extent{numbers[i], numbers[i + 1]};
    if (extent.offset < end) return bad_map("its parts overlap or are out of order");
    if (extent.offset > entry.size || extent.size > entry.size - extent.offset)
      return bad_map("a part lies behind the end of the file");
    end = extent.offset + extent.size;
    sum += extent.size;
    if (extent.size > 0) entry.extents.push_back(extent);
  }
  if (sum != stored) return bad_map(cat("its parts have ", sum, " bytes, the member has ", stored));
  return {};
}

}  // namespace shoji::images
