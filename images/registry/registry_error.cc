#include "images/registry/registry_error.h"

#include <algorithm>
#include <cerrno>

#include "base/json.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr size_t kWordsLimit = 300;

struct StatusRow {
  long status;
  std::string_view words;
};
constexpr StatusRow kStatuses[] = {{400, "Bad Request"},        {401, "Unauthorized"},
                                   {403, "Forbidden"},          {404, "Not Found"},
                                   {405, "Method Not Allowed"}, {408, "Request Timeout"},
                                   {413, "Content Too Large"},  {416, "Range Not Satisfiable"},
                                   {429, "Too Many Requests"},  {500, "Internal Server Error"},
                                   {502, "Bad Gateway"},        {503, "Service Unavailable"},
                                   {504, "Gateway Timeout"}};

// A stranger's text must not look like a part of our message, nor reach the terminal's escape sequences.
std::string phrase(std::string_view text) {
  bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 127 && c != '"' && c != '\\'; });
  if (text.size() > kWordsLimit) return quote(cat(text.substr(0, kWordsLimit), "..."));
  return plain ? std::string(text) : quote(text);
}

std::string_view text_of(Json value) {
  return value.is_string() ? value.as_string().value_or("") : std::string_view();
}

// {"errors": [{"code": "...", "message": "...", "detail": ...}]}, or a token server's {"details": "..."} and OAuth's
// {"error": "...", "error_description": "..."}.
std::string words_of(const std::string& body) {
  if (body.find_first_not_of(" \t\r\n") == std::string::npos || body.front() != '{') return {};
  Result<JsonDocument> document = JsonDocument::parse(body, "answer");
  if (!document) return {};
  Json root = document->root();
  Json first = root.find("errors");
  if (first.is_array()) first = first.first();
  if (first.is_object()) {
    std::string_view code = text_of(first.find("code")), message = text_of(first.find("message"));
    std::string words = phrase(code);
    if (!message.empty()) words = cat(words, words.empty() ? "" : ": ", phrase(message));
    if (std::string_view detail = text_of(first.find("detail")); !detail.empty() && detail != message)
      words += cat(" (", phrase(detail), ")");
    return words;
  }
  for (std::string_view key : {"error_description", "details", "message", "error"})
    if (std::string_view text = text_of(root.find(key)); !text.empty()) return phrase(text);
  return {};
}

}  // namespace

Error registry_error(std::string_view method, const HttpResponse& response) {
  std::string words = words_of(response.body);
  if (words.empty()) {
    auto row = std::ranges::find(kStatuses, response.status, &StatusRow::status);
    if (row != std::end(kStatuses)) words = row->words;
  }
  bool denied = response.status == 401 || response.status == 403;
  constexpr long kOurFault[] = {400, 405, 409, 411, 413, 415, 422};  // the same request has the same answer
  bool fault = std::ranges::find(kOurFault, response.status) != std::end(kOurFault);
  return {.kind = response.status == 404 ? Kind::kNotFound
                  : fault                ? Kind::kInvalid
                                         : Kind::kSystem,
          .err = denied ? EACCES : 0,
          .text = cat(method, ' ', shown_url(response.url), ": ", response.status, words.empty() ? "" : " ",
                      words)};
}

}  // namespace shoji::images
