#include <algorithm>

#include "base/json.h"
#include "images/blobs/hash.h"
#include "images/registry/registry_error.h"
#include "images/registry/state.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr size_t kTagsLimit = 200'000;
constexpr int kTagPages = 1000;
constexpr size_t kIdleClients = 8;

std::string accept_header() {
  std::string header = "Accept: ";
  for (std::string_view type : {media_type::kOciIndex, media_type::kDockerList, media_type::kOciManifest,
                                media_type::kDockerManifest})
    header += cat(type, ", ");
  return header += "*/*;q=0.1";  // what else there is shall be named in the error
}

// "application/json" says nothing that the manifest does not say better.
std::string media_type_of(const HttpResponse& response) {
  std::string type = response.header("content-type");
  type.resize(std::min(type.find(';'), type.size()));
  while (type.ends_with(' ')) type.pop_back();
  bool vague = type == "application/json" || type == "text/plain" || type == "application/octet-stream";
  return vague ? std::string() : type;
}

Call manifest_call(const Endpoint& endpoint, std::string_view method, std::string_view item) {
  Call call;
  call.method = method;
  call.target = target_of(endpoint, "manifests", item);
  call.scope = endpoint.scope("pull");
  call.headers = {accept_header()};
  call.body_limit = kManifestLimit;
  call.retry = true;
  return call;
}

// The text must have the digest that was asked for, and the one that the registry says it has.
Result<> check_digest(FetchedManifest& manifest, std::string_view asked, const HttpResponse& response) {
  Result<Digest> wanted = Digest::parse(asked);
  Result<Digest> said = Digest::parse(response.header("docker-content-digest"));
  manifest.digest = digest_of(manifest.text, wanted ? wanted->algorithm() : HashAlgorithm::kSha256);
  for (const Result<Digest>* digest : {&wanted, &said}) {
    if (!*digest || digest_of(manifest.text, (*digest)->algorithm()) == **digest) continue;
    return fail(Kind::kInvalid,
                cat("GET ", shown_url(response.url), ": the manifest is not ", (*digest)->text(),
                    ", it has digest ", digest_of(manifest.text, (*digest)->algorithm()).text()));
  }
  return {};
}

// RFC 8288: <URL>; rel="next"
std::string next_page(const HttpResponse& response) {
  std::string link = response.header("link");
  size_t begin = link.find('<'), end = link.find('>');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  std::string_view parameters = std::string_view(link).substr(end);
  bool next = parameters.find("rel=\"next\"") != std::string_view::npos ||
              parameters.find("rel=next") != std::string_view::npos;
  return next ? link.substr(begin + 1, end - begin - 1) : std::string();
}

Result<> add_tags(const HttpResponse& response, std::vector<std::string>& tags) {
  std::string name = cat("GET ", shown_url(response.url));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(response.body, name));
  Json list = document.root().find("tags");
  if (!list.exists() || list.is_null()) return {};
  if (!list.is_array()) return list.unexpected("an array");
  for (Json tag = list.first(); tag.exists(); tag = tag.next()) {
    TRY_ASSIGN(std::string_view text, tag.as_string());
    tags.emplace_back(text);
  }
  if (tags.size() > kTagsLimit) return fail(Kind::kInvalid, cat(name, ": more than ", kTagsLimit, " tags"));
  return {};
}

}  // namespace

std::string target_of(const Endpoint& endpoint, std::string_view kind, std::string_view item) {
  return cat("/v2/", endpoint.repository, '/', kind, '/', item);
}

Result<HttpResponse> expect_success(const Call& call, HttpOutcome outcome) {
  if (!outcome) return std::unexpected(std::move(outcome).error().error);
  if (outcome->is_success()) return std::move(*outcome);
  return std::unexpected(registry_error(call.method, *outcome));
}

HttpClient Shared::take() {
  std::scoped_lock lock(mutex_);
  if (idle_.empty()) return {};
  HttpClient client = std::move(idle_.back());
  idle_.pop_back();
  return client;
}

void Shared::put_back(HttpClient client) {
  std::scoped_lock lock(mutex_);
  if (idle_.size() < kIdleClients) idle_.push_back(std::move(client));
}

Repository::Repository(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<Repository> Repository::open(const ImagesConfig& config, const Reference& name) {
  return open(config, name, Patience{.retries = config.retries});
}

Result<Repository> Repository::open(const ImagesConfig& config, const Reference& name,
                                    const Patience& patience) {
  TRY_ASSIGN(Endpoints endpoints, endpoints_of(config, name));
  return Repository(std::make_shared<State>(std::make_shared<Shared>(std::move(endpoints)), patience));
}

Repository Repository::clone() const {
  return Repository(std::make_shared<State>(state_->shared, state_->session.patience()));
}

Result<FetchedManifest> Repository::manifest(std::string_view tag_or_digest) {
  return state_->from_any<FetchedManifest>([&](Endpoint& endpoint) -> Result<FetchedManifest> {
    Call call = manifest_call(endpoint, "GET", tag_or_digest);
    TRY_ASSIGN(HttpResponse response, expect_success(call, state_->session.send(endpoint, call)));
    FetchedManifest manifest{
        .text = std::move(response.body), .media_type = media_type_of(response), .digest = {}};
    TRY(check_digest(manifest, tag_or_digest, response));
    return manifest;
  });
}

Result<bool> Repository::has_manifest(std::string_view tag_or_digest) {
  return state_->from_any<bool>([&](Endpoint& endpoint) -> Result<bool> {
    Call call = manifest_call(endpoint, "HEAD", tag_or_digest);
    HttpOutcome outcome = state_->session.send(endpoint, call);
    if (outcome && outcome->status == 404 && !endpoint.mirror) return false;
    TRY(expect_success(call, std::move(outcome)));
    return true;
  });
}

Result<std::vector<std::string>> Repository::tags() {
  Endpoint& endpoint = state_->origin();
  Call call;
  call.target = target_of(endpoint, "tags", "list?n=1000");
  call.scope = endpoint.scope("pull");
  call.body_limit = kManifestLimit;
  std::vector<std::string> tags;
  for (int page = 0; page < kTagPages; page++) {
    TRY_ASSIGN(HttpResponse response, expect_success(call, state_->session.send(endpoint, call)));
    TRY(add_tags(response, tags));
    std::string next = next_page(response);
    if (next.empty()) {
      std::ranges::sort(tags);  // the specification wants it so, docker-registry does not do it
      return tags;
    }
    TRY_ASSIGN(next, resolve_url(response.url, next));
    if (next == response.url)
      return fail(Kind::kInvalid, cat("GET ", shown_url(next), ": the next page is this page"));
    call.target = std::move(next);
  }
  return fail(Kind::kInvalid,
              cat("tags of ", quote(endpoint.repository), ": more than ", kTagPages, " pages"));
}

Result<> Repository::check_login(const Credentials& credentials) {
  Endpoint& endpoint = state_->origin();
  if (!credentials.empty()) endpoint.authorizer.set_credentials(credentials);
  Call call;
  call.target = "/v2/";
  TRY(expect_success(call, state_->session.send(endpoint, call)));
  return {};
}

}  // namespace shoji::images
