#include "images/store/reference.h"

#include <algorithm>

namespace shoji::images {

namespace {

constexpr size_t kNameLimit = 255, kTagLimit = 128;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_alphanumeric(c) || c == '_';
}

// path-component := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
bool is_path_component(std::string_view text) {
  auto fits = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !fits(text.front()) || !fits(text.back())) return false;
  for (size_t at = 0; at < text.size();) {
    if (fits(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && !fits(text[end])) ++end;
    std::string_view separator = text.substr(at, end - at);
    bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    at = end;
  }
  return true;
}

bool is_repository(std::string_view text) {
  while (true) {
    size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return std::ranges::all_of(host, [](char c) {
      return is_digit(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
  }
  while (true) {
    size_t dot = host.find('.');
    std::string_view label = host.substr(0, dot);
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// HOST[:PORT], with an IPv6 address in brackets.
bool is_registry(std::string_view text) {
  size_t from = text.starts_with('[') ? text.find(']') : 0;
  if (from == std::string_view::npos) return false;
  size_t colon = text.find(':', from);
  if (colon == std::string_view::npos) return is_host(text);
  std::string_view port = text.substr(colon + 1);
  return is_host(text.substr(0, colon)) && !port.empty() && port.size() <= 5 &&
         std::ranges::all_of(port, is_digit);
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kTagLimit && is_word(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool names_registry(std::string_view component) {
  return component == "localhost" || component.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::string Reference::name() const {
  return registry.empty() ? repository : cat(registry, '/', repository);
}

std::string Reference::text() const {
  std::string out = name();
  if (!tag.empty()) out += cat(':', tag);
  if (!digest.empty()) out += cat('@', digest.text());
  return out;
}

Result<Reference> parse_reference(std::string_view text) {
  auto bad = [whole = text](std::string_view why) {
    return fail(Kind::kInvalid, cat("image name ", quote(whole.substr(0, 600)), ": ", why));
  };
  Reference reference;
  if (size_t at = text.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(text.substr(at + 1));
    if (!digest) return bad(digest.error().text);
    reference.digest = *digest;
    text = text.substr(0, at);
  }
  size_t slash = text.rfind('/');
  size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    if (!is_tag(reference.tag)) return bad(cat("the tag is not 1 to ", kTagLimit, " of [a-zA-Z0-9_.-]"));
    text = text.substr(0, colon);
  } else if (reference.digest.empty()) {
    reference.tag = "latest";
  }
  if (text.empty()) return bad("there is no name");
  if (text.size() > kNameLimit) return bad(cat("longer than ", kNameLimit, " characters"));
  size_t first = text.find('/');
  if (first != std::string_view::npos && names_registry(text.substr(0, first))) {
    reference.registry = text.substr(0, first);
    text.remove_prefix(first + 1);
    if (!is_registry(reference.registry)) return bad("the registry is not HOST[:PORT]");
  }
  if (!is_repository(text))
    return bad("a repository is lower-case letters and digits, joined by one of . _ __ - or /");
  reference.repository = text;
  // The one registry whose users leave out the name of its owner (distribution's reference/normalize.go).
  if (reference.registry == "index.docker.io") reference.registry = "docker.io";
  if (reference.registry == "docker.io" && first != std::string_view::npos &&
      reference.repository.find('/') == std::string::npos)
    reference.repository.insert(0, "library/");
  return reference;
}

}  // namespace shoji::images
