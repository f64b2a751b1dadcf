#pragma once
// Base64 (RFC 4648 section 4), by libcrypto.
#include <optional>
#include <string>
#include <string_view>

namespace shoji::images {

std::string encode_base64(std::string_view bytes);
// Nothing when it is not base64. White space around it is fine.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace shoji::images
