#include "images/registry/authorizer.h"

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "images/registry/base64.h"
#include "images/registry/registry_error.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr std::string_view kClient = "shoji";
constexpr size_t kTokenLimit = 64 << 10;
constexpr int64_t kShortestLife = 60;  // the token specification's default
constexpr int64_t kRenewBefore = 10;
constexpr int64_t kLongestLife = 86'400;  // a day

int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string basic(const Credentials& credentials) {
  return cat("Basic ", encode_base64(cat(credentials.user, ':', credentials.password)));
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  auto found =
      std::ranges::find(challenges, scheme, [](const Challenge& c) { return std::string_view(c.scheme); });
  return found == challenges.end() ? nullptr : &*found;
}

// A token goes into a header of ours.
bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? std::string() : found->second;
}

// The scopes of `text`, each once, calling `each`.
template <typename Each>
void for_scopes(std::string_view text, const Each& each) {
  while (!text.empty()) {
    size_t space = std::min(text.find(' '), text.size());
    if (space > 0) each(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
}

}  // namespace

void Authorizer::set_credentials(Credentials credentials) {
  std::scoped_lock lock(mutex_);
  credentials_ = std::move(credentials);
  tokens_.clear();
}

Result<> Authorizer::find(const Access& access) {
  if (credentials_) return {};
  TRY_ASSIGN(credentials_, find_credentials(access.registry, access.repository));
  return {};
}

Result<HttpRequest> Authorizer::token_request(const Access& access) {
  std::string realm = parameter(challenge_, "realm"), service = parameter(challenge_, "service");
  TRY_ASSIGN(Url url, parse_url(realm));
  bool secret = !credentials_->empty();
  // A registry that is asked by TLS does not make us tell the password to everybody.
  if (secret && url.scheme == "http" && !access.plain_ok && !is_loopback(url.host))
    return fail(Kind::kState, cat("token server ", shown_url(realm), " of registry ", quote(access.registry),
                                  " would get the password without TLS"));
  HttpRequest request;
  request.body_limit = kTokenLimit;
  request.verify = !access.plain_ok;
  request.ca_file = access.ca_file;
  request.use_proxy = !is_loopback(url.host);
  if (!credentials_->identity_token.empty()) {
    request.method = "POST";
    request.url = realm;
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    request.body =
        cat("grant_type=refresh_token&client_id=", kClient, "&service=", escape_url(service),
            "&scope=", escape_url(access.scope), "&refresh_token=", escape_url(credentials_->identity_token));
    return request;
  }
  request.url = realm;
  if (!service.empty()) request.url = with_query(request.url, "service", service);
  for_scopes(access.scope,
             [&](std::string_view scope) { request.url = with_query(request.url, "scope", scope); });
  if (secret) {
    request.url = with_query(request.url, "account", credentials_->user);
    request.authorization = basic(*credentials_);
  }
  return request;
}

Result<Authorizer::Token> Authorizer::fetch(const Access& access) {
  TRY_ASSIGN(HttpRequest request, token_request(access));
  HttpOutcome outcome = access.send(request);
  if (!outcome) return std::unexpected(std::move(outcome).error().error);
  if (!outcome->is_success()) return std::unexpected(registry_error(request.method, *outcome));
  std::string name = cat(request.method, ' ', shown_url(request.url));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(outcome->body), name));
  Json root = document.root();
  std::string_view text;
  for (std::string_view key : {"token", "access_token"})
    if (Json value = root.find(key); text.empty() && value.is_string()) text = value.as_string().value_or("");
  if (text.empty() || !is_header_value(text))
    return fail(Kind::kInvalid, cat(name, ": the answer has no usable token"));
  Json life = root.find("expires_in");
  int64_t seconds = life.exists() ? life.as_int64().value_or(kShortestLife) : kShortestLife;
  seconds = std::clamp(seconds, kShortestLife, kLongestLife);
  return Token{.text = std::string(text), .expires = now() + seconds - kRenewBefore};
}

Result<std::string> Authorizer::current(const Access& access) {
  if (challenge_.scheme.empty()) return std::string();
  TRY(find(access));
  if (challenge_.scheme == "basic") return credentials_->user.empty() ? std::string() : basic(*credentials_);
  auto found = tokens_.find(access.scope);
  if (found == tokens_.end() || found->second.expires <= now()) {
    TRY_ASSIGN(Token token, fetch(access));
    found = tokens_.insert_or_assign(access.scope, std::move(token)).first;
  }
  return cat("Bearer ", found->second.text);
}

Result<std::string> Authorizer::header(const Access& access) {
  std::scoped_lock lock(mutex_);
  return current(access);
}

Result<bool> Authorizer::challenged(const Access& access, const HttpResponse& response,
                                    const std::string& used) {
  std::scoped_lock lock(mutex_);
  TRY_ASSIGN(std::string have, current(access));
  if (have != used) return true;  // another thread has got a new token meanwhile
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : response.headers) {
    if (name != "www-authenticate") continue;
    for (Challenge& challenge : parse_challenges(value)) challenges.push_back(std::move(challenge));
  }
  if (const Challenge* bearer = find_scheme(challenges, "bearer"); bearer != nullptr) {
    challenge_ = *bearer;
    tokens_.erase(access.scope);  // it was used and refused
    TRY_ASSIGN(have, current(access));
    return true;
  }
  if (const Challenge* asked = find_scheme(challenges, "basic"); asked != nullptr) {
    challenge_ = *asked;
    TRY_ASSIGN(have, current(access));
    return !have.empty() && have != used;
  }
  return false;
}

}  // namespace shoji::images
