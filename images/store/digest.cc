#include "images/store/digest.h"

#include <algorithm>

namespace shoji::images {

namespace {
struct AlgorithmRow {
  HashAlgorithm algorithm;
  std::string_view name;
  size_t hex_digits;
};
constexpr AlgorithmRow kAlgorithms[] = {{HashAlgorithm::kSha256, "sha256", 64},
                                        {HashAlgorithm::kSha512, "sha512", 128}};

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}
}  // namespace

std::string_view algorithm_name(HashAlgorithm algorithm) {
  return kAlgorithms[static_cast<size_t>(algorithm)].name;
}

Result<Digest> Digest::parse(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(Kind::kInvalid, cat("digest ", quote(text), " is not ALGORITHM:HEX"));
  std::string_view hex = text.substr(colon + 1);
  for (const AlgorithmRow& row : kAlgorithms) {
    if (text.substr(0, colon) != row.name) continue;
    if (hex.size() != row.hex_digits || !std::ranges::all_of(hex, is_lower_hex))
      return fail(Kind::kInvalid,
                  cat("digest ", quote(text), " needs ", row.hex_digits, " lower-case hex digits"));
    return Digest(row.algorithm, std::string(hex));
  }
  return fail(Kind::kInvalid, cat("digest ", quote(text), ": the algorithm is neither sha256 nor sha512"));
}

Result<Digest> Digest::parse_file_name(std::string_view name) {
  size_t dash = name.find('-');
  if (dash == std::string_view::npos)
    return fail(Kind::kInvalid, cat("file name ", quote(name), " is not ALGORITHM-HEX"));
  return parse(cat(name.substr(0, dash), ':', name.substr(dash + 1)));
}

std::string Digest::text() const {
  return hex_.empty() ? std::string() : cat(algorithm_name(algorithm_), ':', hex_);
}
std::string Digest::file_name() const {
  return cat(algorithm_name(algorithm_), '-', hex_);
}
std::string Digest::short_text() const {
  return hex_.substr(0, 12);
}

}  // namespace shoji::images
