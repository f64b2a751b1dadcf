#pragma once
// A content digest: `algorithm:hex`, as the OCI image specification's descriptor.md has it. sha256 and sha512.
#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji::images {

enum class HashAlgorithm : uint8_t { kSha256, kSha512 };
std::string_view algorithm_name(HashAlgorithm algorithm);

class Digest {
 public:
  Digest() = default;  // empty: no digest
  // Lower-case hex of exactly the algorithm's length; anything else is kInvalid.
  static Result<Digest> parse(std::string_view text);
  static Result<Digest> parse_file_name(std::string_view name);  // "sha256-ab12..."
  static Digest make(HashAlgorithm algorithm, std::string hex) { return {algorithm, std::move(hex)}; }

  [[nodiscard]] bool empty() const { return hex_.empty(); }
  [[nodiscard]] HashAlgorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::string& hex() const { return hex_; }
  [[nodiscard]] std::string text() const;        // "sha256:ab12..."
  [[nodiscard]] std::string file_name() const;   // "sha256-ab12...", one path component
  [[nodiscard]] std::string short_text() const;  // the first 12 hex digits, for people
  auto operator<=>(const Digest&) const = default;

 private:
  Digest(HashAlgorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}
  HashAlgorithm algorithm_ = HashAlgorithm::kSha256;
  std::string hex_;
};

}  // namespace shoji::images
