#pragma once
// Keys in PEM, and the signatures that cosign makes with them (libcrypto).
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

using EVP_PKEY = struct evp_pkey_st;

namespace shoji::images {

class SigningKey {
 public:
  static Result<SigningKey> load_public(const std::string& path);
  static Result<SigningKey> load_private(const std::string& path);  // without a passphrase

  // ECDSA P-256 and P-384 (ASN.1), RSA (PKCS #1 v1.5 or PSS) of at least 2048 bits, Ed25519.
  [[nodiscard]] bool verify(std::string_view message, std::string_view signature) const;
  [[nodiscard]] Result<std::string> sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const;
  };
  using Handle = std::unique_ptr<EVP_PKEY, Free>;
  explicit SigningKey(Handle key) : key_(std::move(key)) {}
  static Result<SigningKey> load(const std::string& path, bool private_key);
  Handle key_;
};

}  // namespace shoji::images
