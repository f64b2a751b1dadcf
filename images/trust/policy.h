#pragma once
// The trust policy: per registry or repository prefix, what an image must have to be pulled. A file of JSON rules,
// longest prefix wins: {"default": "accept", "rules": {"registry.example/team": {"require": ["digest", "signature"],
// "keys": ["/etc/shoji/team.pub"]}, "bad.example": {"require": ["never"]}}}. "default" is "accept" or "never".
#include "images/registry/registry.h"
#include "images/store/store.h"

namespace shoji::images {

struct PolicyRule {
  bool digest = false, signature = false, never = false;
  std::vector<std::string> keys;  // PEM public keys (ECDSA, RSA, Ed25519); one good signature is enough
  std::string prefix;             // whose rule it is; empty: the default
};
Result<PolicyRule> policy_for(const ImagesConfig& config, const Reference& name);
// Refuses with a sentence. `manifest` is what the name points at. Signatures are cosign's: tag sha256-HEX.sig, "simple
// signing" payload, base64 signature in the annotation dev.cosignproject.cosign/signature.
Result<> check_policy(const ImagesConfig& config, const Reference& name, const Digest& manifest,
                      Repository& repository);
// `key`: path of a PEM private key without a passphrase. Adds to the signatures that are there.
Result<> sign_manifest(const std::string& key, const Reference& name, const Digest& manifest,
                       Repository& repository);

}  // namespace shoji::images
