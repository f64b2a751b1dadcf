#include "images/registry/session.h"

#include <algorithm>
#include <utility>

#include "images/registry/registry_error.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr int kRedirects = 8;
constexpr uint64_t kGotOn = 64 << 10;  // bytes of one try that earn new patience
constexpr int kProbeSeconds = 5;       // a server that does not speak TLS may wait for a line to end

HttpOutcome stopped(Error error) {
  return std::unexpected(HttpFailure{.cause = HttpFailure::Cause::kStopped, .error = std::move(error)});
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool may_pass(long status) {
  constexpr long kPassing[] = {408, 429, 500, 502, 503, 504};
  return std::ranges::find(kPassing, status) != std::end(kPassing);
}

// Another try may bring something else.
bool worth_another(const HttpOutcome& outcome, const Backoff& backoff) {
  if (outcome) return may_pass(outcome->status);
  switch (outcome.error().cause) {
    case HttpFailure::Cause::kStopped:
    case HttpFailure::Cause::kRefused:
      return false;
    case HttpFailure::Cause::kNoTls:
    case HttpFailure::Cause::kUnreachable:
      return backoff.tried() < 2;  // a wrong name stays wrong
    case HttpFailure::Cause::kBroken:
      return true;
  }
  return false;
}

std::string url_of(const Endpoint& endpoint, const Call& call) {
  return call.target.starts_with('/') ? endpoint.base_url() + call.target : call.target;
}

bool is_from(const Endpoint& endpoint, const HttpResponse& response) {
  Result<Url> url = parse_url(response.url), home = parse_url(endpoint.base_url());
  return url && home && *url == *home;
}

// What is known of the registry holds for it alone, not for where it sends us.
void fit_to_host(HttpRequest& request, const Endpoint& endpoint, const Url& url, bool own) {
  request.verify = !endpoint.insecure;
  request.use_proxy = !is_loopback(url.host);
  request.ca_file = endpoint.config.ca_file;
  request.certificate = own ? endpoint.config.client_certificate : std::string();
  request.key = own ? endpoint.config.client_key : std::string();
}

}  // namespace

HttpRequest Session::request_of(const Endpoint& endpoint, const Call& call) const {
  HttpRequest request;
  request.method = call.method;
  request.url = url_of(endpoint, call);
  request.headers = call.headers;
  request.body = call.body;
  request.upload = call.upload;
  request.upload_size = call.upload_size;
  request.receiver = call.receiver;
  request.body_limit = call.body_limit;
  request.connect_seconds = patience_.connect_seconds;
  request.stall_seconds = call.stall_seconds != 0 ? call.stall_seconds : patience_.stall_seconds;
  return request;
}

// An insecure registry is asked by TLS first, and what it speaks is remembered.
HttpOutcome Session::with_scheme(Endpoint& endpoint, HttpRequest& request, const Call& call) {
  bool probe =
      endpoint.insecure && endpoint.scheme == Endpoint::Scheme::kUnknown && call.target.starts_with('/');
  if (!probe) return http_.perform(request);
  request.connect_seconds = std::min(kProbeSeconds, patience_.connect_seconds);
  HttpOutcome outcome = http_.perform(request);
  bool has_port = endpoint.host.find(':', endpoint.host.rfind(']') + 1) != std::string::npos;
  bool no_tls = !outcome && (outcome.error().cause == HttpFailure::Cause::kNoTls ||
                             (outcome.error().cause == HttpFailure::Cause::kUnreachable && !has_port));
  if (outcome) endpoint.scheme = Endpoint::Scheme::kHttps;
  if (!no_tls) return outcome;
  request.url = cat("http://", endpoint.host, call.target);
  HttpOutcome plain = http_.perform(request);
  if (plain) endpoint.scheme = Endpoint::Scheme::kHttp;
  return plain;
}

HttpOutcome Session::redirected(Endpoint& endpoint, Call& call, const std::string& authorization) {
  HttpRequest request = request_of(endpoint, call);
  std::string from = endpoint.base_url();  // who says where to go
  for (int hop = 0;; hop++) {
    Result<Url> url = parse_url(request.url), home = parse_url(endpoint.base_url());
    if (!url || !home) return stopped(!url ? url.error() : home.error());
    if (!endpoint.insecure && url->scheme != "https")
      return stopped(
          {.kind = Kind::kState,
           .text = cat(call.method, " ", shown_url(from), ": leads from TLS to ", shown_url(request.url))});
    bool own = *url == *home;
    fit_to_host(request, endpoint, *url, own);
    // Whoever is not the registry does not get its credentials, were it only another port (CVE-2022-27774).
    request.authorization = own ? authorization : std::string();
    HttpOutcome outcome = hop == 0 ? with_scheme(endpoint, request, call) : http_.perform(request);
    if (!outcome || !is_redirect(outcome->status)) return outcome;
    std::string location = outcome->header("location");
    if (location.empty()) return outcome;
    if (hop == kRedirects)
      return stopped(
          {.kind = Kind::kInvalid,
           .text = cat(call.method, ' ', shown_url(request.url), ": more than ", kRedirects, " redirects")});
    Result<std::string> next = resolve_url(request.url, location);
    if (!next) return stopped(within(cat(call.method, ' ', shown_url(request.url)), next.error()));
    if (call.upload != nullptr && call.before_try)
      if (Result<> rewound = call.before_try(call); !rewound) return stopped(rewound.error());
    from = std::exchange(request.url, std::move(*next));
  }
}

HttpOutcome Session::token_server(const HttpRequest& request) {
  HttpRequest timed = request;
  timed.connect_seconds = patience_.connect_seconds;
  timed.stall_seconds = patience_.stall_seconds;
  for (Backoff backoff(patience_);;) {
    HttpOutcome outcome = http_.perform(timed);
    if (!worth_another(outcome, backoff) || backoff.exhausted()) return outcome;
    uint64_t asked = outcome ? outcome->retry_after : 0;
    if (asked > patience_.longest_retry_after_s) return outcome;
    backoff.wait(asked);
  }
}

HttpOutcome Session::authorized(Endpoint& endpoint, Call& call) {
  Access access{.registry = endpoint.registry,
                .repository = endpoint.repository,
                .scope = call.scope,
                .plain_ok = endpoint.insecure,
                .ca_file = endpoint.config.ca_file,
                .send = [this](const HttpRequest& request) { return token_server(request); }};
  for (int round = 0;; round++) {
    if (call.before_try)
      if (Result<> ready = call.before_try(call); !ready) return stopped(ready.error());
    Result<std::string> header = endpoint.authorizer.header(access);
    if (!header) return stopped(header.error());
    HttpOutcome outcome = redirected(endpoint, call, *header);
    // A storage host's 401 is not the registry's.
    if (!outcome || outcome->status != 401 || round == 2 || !is_from(endpoint, *outcome)) return outcome;
    Result<bool> again = endpoint.authorizer.challenged(access, *outcome, *header);
    if (!again) return stopped(again.error());
    if (!*again) return outcome;
  }
}

HttpOutcome Session::send(Endpoint& endpoint, Call& call) {
  uint64_t furthest = call.progress != nullptr ? *call.progress : 0;
  for (Backoff backoff(patience_);;) {
    HttpOutcome outcome = authorized(endpoint, call);
    if (!outcome && endpoint.mirror && outcome.error().cause == HttpFailure::Cause::kUnreachable) {
      endpoint.down = true;  // there are others
      return outcome;
    }
    if (!call.retry || !worth_another(outcome, backoff)) return outcome;
    // Further than ever: who starts from zero again and again does not get on.
    if (call.progress != nullptr && *call.progress >= furthest + kGotOn) {
      furthest = *call.progress;
      backoff.reset();
    }
    if (backoff.exhausted()) return outcome;
    uint64_t asked = outcome ? outcome->retry_after : 0;
    if (asked > patience_.longest_retry_after_s)
      return stopped(within(registry_error(call.method, *outcome).text,
                            {.kind = Kind::kState, .text = cat("it asks to come back in ", asked, " s")}));
    backoff.wait(asked);
  }
}

}  // namespace shoji::images
