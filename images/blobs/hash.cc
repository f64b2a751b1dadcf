#include "images/blobs/hash.h"

#include <openssl/evp.h>

#include <new>

namespace shoji::images {

struct Hasher::Context {
  HashAlgorithm algorithm;
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  explicit Context(HashAlgorithm which) : algorithm(which) {
    if (evp == nullptr) throw std::bad_alloc();
    start();
  }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void start() {
    // Neither fails: the algorithms are built into libcrypto's default provider.
    EVP_DigestInit_ex(evp, algorithm == HashAlgorithm::kSha256 ? EVP_sha256() : EVP_sha512(), nullptr);
  }
};

Hasher::Hasher(HashAlgorithm algorithm) : context_(std::make_unique<Context>(algorithm)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const char> bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

Digest Hasher::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp, raw, &size);
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(size_t{size} * 2);
  for (unsigned int i = 0; i < size; i++) {
    hex += kHex[raw[i] >> 4];
    hex += kHex[raw[i] & 15];
  }
  context_->start();
  return Digest::make(context_->algorithm, std::move(hex));
}

Digest digest_of(std::string_view text, HashAlgorithm algorithm) {
  Hasher hasher(algorithm);
  hasher.update(text);
  return hasher.finish();
}

}  // namespace shoji::images
