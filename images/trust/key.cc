#include "images/trust/key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "base/io.h"

namespace shoji::images {

namespace {

constexpr size_t kKeyLimit = 64 << 10;
constexpr int kLeastRsaBits = 2048;  // NIST SP 800-131A

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

// How a kind of key signs. cosign's first choice comes first and is what we sign with; it and sigstore's other clients
// differ in the hash for P-384, and in the padding for RSA.
struct SchemeRow {
  int type;
  const EVP_MD* (*hash)();  // null: the algorithm has its own
  int padding;              // RSA
};
constexpr SchemeRow kSchemes[] = {{EVP_PKEY_EC, EVP_sha256, 0},
                                  {EVP_PKEY_EC, EVP_sha384, 0},
                                  {EVP_PKEY_RSA, EVP_sha256, RSA_PKCS1_PADDING},
                                  {EVP_PKEY_RSA, EVP_sha256, RSA_PKCS1_PSS_PADDING},
                                  {EVP_PKEY_ED25519, nullptr, 0}};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool set_padding(const SchemeRow& scheme, EVP_PKEY_CTX* context) {
  if (scheme.type != EVP_PKEY_RSA) return true;
  if (EVP_PKEY_CTX_set_rsa_padding(context, scheme.padding) != 1) return false;
  return scheme.padding != RSA_PKCS1_PSS_PADDING ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1;
}

bool verify_by(const SchemeRow& scheme, EVP_PKEY* key, std::string_view message, std::string_view signature) {
  Context context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const EVP_MD* hash = scheme.hash == nullptr ? nullptr : scheme.hash();
  bool good = context && EVP_DigestVerifyInit(context.get(), &parameters, hash, nullptr, key) == 1 &&
              set_padding(scheme, parameters) &&
              EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                               message.size()) == 1;
  ERR_clear_error();
  return good;
}

// Curves and sizes that are too weak, or that nobody has checked here.
std::string refusal(EVP_PKEY* key) {
  int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < kLeastRsaBits)
    return cat("an RSA key of ", EVP_PKEY_get_bits(key), " bits is too short");
  if (type == EVP_PKEY_EC) {
    char group[64] = {};
    size_t size = 0;
    EVP_PKEY_get_group_name(key, group, sizeof group, &size);
    std::string_view name(group, size);
    if (name != "prime256v1" && name != "secp384r1")
      return cat("curve ", name, " is neither P-256 nor P-384");
    return {};
  }
  bool known = std::ranges::find(kSchemes, type, &SchemeRow::type) != std::end(kSchemes);
  return known ? std::string() : std::string("is neither an ECDSA, RSA nor Ed25519 key");
}

}  // namespace

void SigningKey::Free::operator()(EVP_PKEY* key) const {
  EVP_PKEY_free(key);
}

Result<SigningKey> SigningKey::load(const std::string& path, bool private_key) {
  TRY_ASSIGN(std::string text, read_file(path, kKeyLimit));
  std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Handle key(private_key ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                         : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  bool encrypted = text.find("ENCRYPTED") != std::string::npos;
  OPENSSL_cleanse(text.data(), text.size());
  if (!key)
    return fail(encrypted ? Kind::kUnsupported : Kind::kInvalid,
                cat("key ", quote(path),
                    encrypted     ? " is encrypted: only one without a passphrase can be used"
                    : private_key ? " is not a private key in PEM"
                                  : " is not a public key in PEM"));
  if (std::string why = refusal(key.get()); !why.empty())
    return fail(Kind::kUnsupported, cat("key ", quote(path), ": ", why));
  return SigningKey(std::move(key));
}

Result<SigningKey> SigningKey::load_public(const std::string& path) {
  return load(path, false);
}
Result<SigningKey> SigningKey::load_private(const std::string& path) {
  return load(path, true);
}

bool SigningKey::verify(std::string_view message, std::string_view signature) const {
  int type = EVP_PKEY_get_base_id(key_.get());
  return std::ranges::any_of(kSchemes, [&](const SchemeRow& scheme) {
    return scheme.type == type && verify_by(scheme, key_.get(), message, signature);
  });
}

Result<std::string> SigningKey::sign(std::string_view message) const {
  const SchemeRow& scheme = *std::ranges::find(kSchemes, EVP_PKEY_get_base_id(key_.get()),
                                               &SchemeRow::type);  // load() has checked it
  Context context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const EVP_MD* hash = scheme.hash == nullptr ? nullptr : scheme.hash();
  size_t size = 0;
  std::string signature;
  bool ready = context && EVP_DigestSignInit(context.get(), &parameters, hash, nullptr, key_.get()) == 1 &&
               set_padding(scheme, parameters) &&
               EVP_DigestSign(context.get(), nullptr, &size, bytes_of(message), message.size()) == 1;
  if (ready) {
    signature.resize(size);
    ready = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           bytes_of(message), message.size()) == 1;
    signature.resize(size);
  }
  ERR_clear_error();
  if (!ready) return fail(Kind::kInvalid, "the key does not sign");
  return signature;
}

}  // namespace shoji::images
