#pragma once
// "Simple signing" payloads (https://github.com/containers/image/blob/main/docs/containers-signature.5.md) as cosign
// keeps them: layers of a manifest with the tag ALGORITHM-HEX.sig.
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/store/digest.h"
#include "images/store/reference.h"

namespace shoji::images {

inline constexpr std::string_view kSignatureMediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
inline constexpr const char* kSignatureAnnotation = "dev.cosignproject.cosign/signature";
inline constexpr size_t kPayloadLimit = 64 << 10;

// kUnsupported for sha512, whose tag would be longer than tags can be.
Result<std::string> signature_tag(const Digest& manifest);
std::string print_payload(const Reference& name, const Digest& manifest);
// Nothing when the payload speaks of this image under this name, else why not.
Result<> check_payload(std::string_view payload, const Reference& name, const Digest& manifest);

}  // namespace shoji::images
