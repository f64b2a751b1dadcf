#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "images/blobs/hash.h"
#include "images/registry/base64.h"
#include "images/store/manifest.h"
#include "images/trust/key.h"
#include "images/trust/policy.h"
#include "images/trust/simple_signing.h"

namespace shoji::images {

namespace {

Descriptor describe(std::string_view media_type, std::string_view text) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = digest_of(text);
  descriptor.size = text.size();
  return descriptor;
}

Result<> upload_text(Repository& repository, const Descriptor& descriptor, std::string_view text) {
  TRY_ASSIGN(bool there, repository.has_blob(descriptor.digest));
  if (there) return {};
  size_t at = 0;
  return repository.upload_blob(
      descriptor,
      [&](std::span<char> into) -> Result<size_t> {
        size_t size = std::min(into.size(), text.size() - at);
        memcpy(into.data(), text.data() + at, size);
        at += size;
        return size;
      },
      [&]() -> Result<> {
        at = 0;
        return {};
      });
}

// cosign writes an image configuration whose layers are the payloads; registries insist on one.
std::string print_config(const std::vector<Descriptor>& layers) {
  JsonWriter json;
  json.begin_object().member("architecture", "").member("created", "0001-01-01T00:00:00Z");
  json.key("config").begin_object().end_object().member("os", "");
  json.key("rootfs").begin_object().key("diff_ids").begin_array();
  for (const Descriptor& layer : layers) json.value(std::string_view(layer.digest.text()));
  json.end_array().member("type", "layers").end_object().end_object();
  return json.take();
}

// The signatures that are there already.
Result<Manifest> present(Repository& repository, const std::string& tag) {
  Manifest manifest;
  manifest.media_type = media_type::kOciManifest;
  Result<FetchedManifest> fetched = repository.manifest(tag);
  if (!fetched && fetched.error().kind == Kind::kNotFound) return manifest;
  if (!fetched) return std::unexpected(fetched.error());
  TRY_ASSIGN(AnyManifest any, parse_manifest(fetched->text, fetched->media_type));
  auto* found = std::get_if<Manifest>(&any);
  if (found == nullptr)
    return fail(Kind::kInvalid, cat("tag ", quote(tag), " is not a manifest of signatures"));
  manifest.layers = std::move(found->layers);
  manifest.annotations = std::move(found->annotations);
  return manifest;
}

}  // namespace

Result<> sign_manifest(const std::string& key, const Reference& name, const Digest& manifest,
                       Repository& repository) {
  TRY_ASSIGN(SigningKey signer, SigningKey::load_private(key));
  TRY_ASSIGN(std::string tag, signature_tag(manifest));
  std::string payload = print_payload(name, manifest);
  Result<std::string> signature = signer.sign(payload);
  if (!signature) return std::unexpected(within(cat("key ", quote(key)), signature.error()));
  TRY_ASSIGN(Manifest signatures, present(repository, tag));
  Descriptor layer = describe(kSignatureMediaType, payload);
  layer.annotations[kSignatureAnnotation] = encode_base64(*signature);
  // Signing twice with one key is one signature where the algorithm always gives the same (RSA, Ed25519).
  bool there = std::ranges::any_of(signatures.layers, [&](const Descriptor& other) {
    return other.digest == layer.digest && other.annotations == layer.annotations;
  });
  if (!there) signatures.layers.push_back(layer);
  std::string config = print_config(signatures.layers);
  signatures.config = describe(media_type::kOciConfig, config);
  TRY(upload_text(repository, layer, payload));
  TRY(upload_text(repository, signatures.config, config));
  return repository.put_manifest(tag, print_manifest(signatures), signatures.media_type);
}

}  // namespace shoji::images
