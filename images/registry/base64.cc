#include "images/registry/base64.h"

#include <openssl/evp.h>

namespace shoji::images {

std::string encode_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return std::string();
  text = text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  std::string out(text.size() / 4 * 3 + 3, '\0');
  int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  // To the decoder "=" is a zero wherever it stands.
  bool inside = text.substr(0, text.size() - padding).find('=') != std::string_view::npos;
  if (inside || size < static_cast<int>(padding)) return std::nullopt;
  out.resize(static_cast<size_t>(size) - padding);  // the decoder counts the padding as zeros
  return out;
}

}  // namespace shoji::images
