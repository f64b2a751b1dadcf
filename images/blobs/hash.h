#pragma once
// sha256 and sha512 by libcrypto, which uses the processor's SHA instructions.
#include <memory>
#include <span>
#include <string_view>

#include "images/store/digest.h"

namespace shoji::images {

class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::kSha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(std::span<const char> bytes);
  Digest finish();  // and starts anew

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest digest_of(std::string_view text, HashAlgorithm algorithm = HashAlgorithm::kSha256);

}  // namespace shoji::images
