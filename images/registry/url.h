#pragma once
// URLs as a registry client needs them, by libcurl's parser, so that what is compared is what is connected to.
#include <string>
#include <string_view>

#include "base/error.h"

namespace shoji::images {

struct Url {
  std::string scheme, host, port;  // the port is always there
  // Whom a credential is for (RFC 6454): scheme, host and port together.
  bool operator==(const Url&) const = default;
};
// Only http and https.
Result<Url> parse_url(const std::string& text);
// What a Location header means, seen from `base` (RFC 3986 5).
Result<std::string> resolve_url(const std::string& base, const std::string& location);
// `url` with NAME=VALUE behind its query, escaped.
std::string with_query(std::string url, std::string_view name, std::string_view value);
std::string escape_url(std::string_view text);
// In quotes and without its query, for messages: a signed link is a credential.
std::string shown_url(std::string_view url);
// 127.0.0.0/8, ::1 and localhost, with or without a port: docker and containerd take these for insecure registries.
bool is_loopback(std::string_view host);

}  // namespace shoji::images
