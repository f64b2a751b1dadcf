#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace shoji {

std::string quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string_view errno_text(int err) {
  const char* words = strerrordesc_np(err);
  return words != nullptr ? words : "Unknown error";
}

Failure fail(Kind kind, std::string text) {
  return Failure(Error{kind, 0, std::move(text)});
}

Failure fail_errno(int err, std::string_view text) {
  Kind kind = err == ENOENT ? Kind::kNotFound : err == EEXIST ? Kind::kExists : Kind::kSystem;
  return Failure(Error{kind, err, cat(text, ": ", errno_text(err))});
}

Error within(std::string_view prefix, Error error) {
  error.text = cat(prefix, ": ", error.text);
  return error;
}

}  // namespace shoji
