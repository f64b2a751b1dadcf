#include <algorithm>

#include "images/registry/base64.h"
#include "images/store/manifest.h"
#include "images/trust/key.h"
#include "images/trust/policy.h"
#include "images/trust/simple_signing.h"

namespace shoji::images {

namespace {

constexpr size_t kSignatures = 64;  // of one image that are looked at

Failure refused(const ImagesConfig& config, const Reference& name, std::string_view why) {
  return fail(Kind::kState, cat("image ", quote(name.text()), " is refused by trust policy ",
                                quote(config.policy), ": ", why));
}

Result<std::vector<SigningKey>> load_keys(const PolicyRule& rule) {
  std::vector<SigningKey> keys;
  for (const std::string& path : rule.keys) {
    TRY_ASSIGN(SigningKey key, SigningKey::load_public(path));
    keys.push_back(std::move(key));
  }
  return keys;
}

// Why one signature is not good; nothing when it is.
Result<> check_signature(const Descriptor& layer, const std::vector<SigningKey>& keys, const Reference& name,
                         const Digest& manifest, Repository& repository) {
  auto annotation = layer.annotations.find(kSignatureAnnotation);
  std::optional<std::string> signature;
  if (annotation != layer.annotations.end()) signature = decode_base64(annotation->second);
  if (!signature || signature->empty()) return fail(Kind::kInvalid, "a signature is not base64");
  TRY_ASSIGN(std::string payload, repository.small_blob(layer, kPayloadLimit));
  // Whoever has no key has no say in the reasons either: the payload is read after its signature is checked.
  if (std::ranges::none_of(keys, [&](const SigningKey& key) { return key.verify(payload, *signature); }))
    return fail(Kind::kInvalid, "no signature fits the keys");
  return check_payload(payload, name, manifest);
}

Result<> check_signatures(const PolicyRule& rule, const Reference& name, const Digest& manifest,
                          Repository& repository) {
  TRY_ASSIGN(std::vector<SigningKey> keys, load_keys(rule));
  TRY_ASSIGN(std::string tag, signature_tag(manifest));
  Result<FetchedManifest> fetched = repository.manifest(tag);
  if (!fetched && fetched.error().kind == Kind::kNotFound) return fail(Kind::kState, "it is not signed");
  if (!fetched) return std::unexpected(fetched.error());
  TRY_ASSIGN(AnyManifest any, parse_manifest(fetched->text, fetched->media_type));
  const auto* signatures = std::get_if<Manifest>(&any);
  if (signatures == nullptr) return fail(Kind::kInvalid, "its signatures are an index");
  Result<> last = fail(Kind::kState, "it is not signed");
  size_t looked_at = 0;
  for (const Descriptor& layer : signatures->layers) {
    if (layer.media_type != kSignatureMediaType) continue;
    if (looked_at++ == kSignatures) break;
    last = check_signature(layer, keys, name, manifest, repository);
    if (last) return {};
  }
  return last;
}

}  // namespace

Result<> check_policy(const ImagesConfig& config, const Reference& name, const Digest& manifest,
                      Repository& repository) {
  TRY_ASSIGN(PolicyRule rule, policy_for(config, name));
  std::string whose =
      rule.prefix.empty() ? std::string("the default") : cat("the rule for ", quote(rule.prefix));
  if (rule.never) return refused(config, name, cat(whose, " accepts nothing"));
  if (rule.digest && name.digest.empty())
    return refused(config, name, cat(whose, " wants it named by its digest"));
  if (!rule.signature) return {};
  Result<> good = check_signatures(rule, name, manifest, repository);
  if (!good) return refused(config, name, good.error().text);
  return {};
}

}  // namespace shoji::images
