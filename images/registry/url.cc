#include "images/registry/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace shoji::images {

namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

constexpr size_t kUrlLimit = 16 << 10;  // signed links to object storage have some 2 KiB
// A stranger's URL does not choose whom we claim to be.
constexpr unsigned kFlags = CURLU_DISALLOW_USER;

Result<UrlHandle> parsed(const std::string& text) {
  UrlHandle url(curl_url());
  if (text.size() > kUrlLimit) return fail(Kind::kInvalid, cat("URL of ", text.size(), " bytes is too long"));
  CURLUcode code = url ? curl_url_set(url.get(), CURLUPART_URL, text.c_str(), kFlags) : CURLUE_OUT_OF_MEMORY;
  if (code != CURLUE_OK) return fail(Kind::kInvalid, cat("URL ", quote(text), ": ", curl_url_strerror(code)));
  return url;
}

std::string part_of(const UrlHandle& url, CURLUPart part) {
  char* text = nullptr;
  // A signed link must come back as it was given, without a port that was not there.
  unsigned flags = part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

Result<Url> parse_url(const std::string& text) {
  TRY_ASSIGN(UrlHandle handle, parsed(text));
  Url url{.scheme = part_of(handle, CURLUPART_SCHEME),
          .host = part_of(handle, CURLUPART_HOST),
          .port = part_of(handle, CURLUPART_PORT)};
  for (char& c : url.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (url.scheme != "http" && url.scheme != "https")
    return fail(Kind::kInvalid, cat("URL ", quote(text), " is neither http nor https"));
  return url;
}

Result<std::string> resolve_url(const std::string& base, const std::string& location) {
  TRY_ASSIGN(UrlHandle handle, parsed(base));
  CURLUcode code = location.size() > kUrlLimit ? CURLUE_BAD_PORT_NUMBER
                                               : curl_url_set(handle.get(), CURLUPART_URL, location.c_str(),
                                                              kFlags | CURLU_URLENCODE);
  std::string url = code == CURLUE_OK ? part_of(handle, CURLUPART_URL) : std::string();
  if (url.empty())
    return fail(Kind::kInvalid, cat("location ", quote(location.substr(0, 200)), " is not a URL"));
  return url;
}

std::string escape_url(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string shown_url(std::string_view url) {
  return quote(url.substr(0, std::min<size_t>(url.find('?'), 500)));
}

std::string with_query(std::string url, std::string_view name, std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  return url.append(name).append("=").append(escape_url(value));
}

bool is_loopback(std::string_view host) {
  if (host.starts_with("[::1]") || host == "::1") return true;
  std::string_view name = host.substr(0, host.find(':'));
  if (name == "localhost") return true;
  // "127.evil.example" is a name like any other.
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace shoji::images
