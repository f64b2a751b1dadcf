#include <algorithm>
#include <charconv>
#include <optional>

#include "images/blobs/hash.h"
#include "images/registry/registry_error.h"
#include "images/registry/state.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr uint64_t kChunk = 8 << 20;
constexpr uint64_t kLargestChunk = 512 << 20;  // what a registry may ask for at least
constexpr int kCommitSeconds = 300;            // a registry hashes or copies a blob before it answers

Call upload_call(const Endpoint& endpoint, std::string_view method, std::string target) {
  Call call;
  call.method = method;
  call.target = std::move(target);
  call.scope = endpoint.scope("pull,push");
  call.stall_seconds = kCommitSeconds;
  return call;
}

Result<std::string> location_of(std::string_view method, const HttpResponse& response) {
  std::string location = response.header("location");
  if (location.empty())
    return fail(Kind::kInvalid, cat(method, ' ', shown_url(response.url), ": the answer has no location"));
  return resolve_url(response.url, location);
}

// The registry has something against the request, not against the blob.
bool wants_chunks(const HttpResponse& response) {
  constexpr long kStatuses[] = {400, 405, 411, 413, 415, 501};
  return std::ranges::find(kStatuses, response.status) != std::end(kStatuses) &&
         response.body.find("DIGEST_INVALID") == std::string::npos;
}

// One upload to one registry.
class Upload {
 public:
  Upload(Session& session, Endpoint& endpoint, const Descriptor& blob, const Provide& provide,
         const std::function<Result<>()>& rewind)
      : session_(session), endpoint_(endpoint), blob_(blob), provide_(provide), rewind_(rewind) {}

  Result<> start();
  // The blob in one PUT. The status tells whether chunks may work better.
  Result<long> whole();
  Result<> chunked();

 private:
  Result<HttpResponse> send(Call& call) { return expect_success(call, session_.send(endpoint_, call)); }
  Result<> chunk(uint64_t size);
  Session& session_;
  Endpoint& endpoint_;
  const Descriptor& blob_;
  const Provide& provide_;
  const std::function<Result<>()>& rewind_;
  std::string location_;
  uint64_t sent_ = 0, least_chunk_ = 0;
};

Result<> Upload::start() {
  Call call = upload_call(endpoint_, "POST", target_of(endpoint_, "blobs", "uploads/"));
  TRY_ASSIGN(HttpResponse response, send(call));
  TRY_ASSIGN(location_, location_of(call.method, response));
  std::string least = response.header("oci-chunk-min-length");
  std::from_chars(least.data(), least.data() + least.size(), least_chunk_);
  sent_ = 0;
  return {};
}

Result<long> Upload::whole() {
  Call call = upload_call(endpoint_, "PUT", with_query(location_, "digest", blob_.digest.text()));
  call.headers = {"Content-Type: application/octet-stream"};
  call.upload = &provide_;
  call.upload_size = blob_.size;
  call.retry = false;  // a broken upload has to start with a POST
  call.before_try = [this](Call&) { return rewind_(); };
  HttpOutcome outcome = session_.send(endpoint_, call);
  if (outcome && wants_chunks(*outcome)) return outcome->status;
  TRY(expect_success(call, std::move(outcome)));
  return 201;
}

Result<> Upload::chunk(uint64_t size) {
  uint64_t left = size;
  Provide provide = [&](std::span<char> into) -> Result<size_t> {
    TRY_ASSIGN(size_t given, provide_(into.first(std::min<uint64_t>(into.size(), left))));
    left -= given;
    return given;
  };
  Call call = upload_call(endpoint_, "PATCH", location_);
  call.headers = {"Content-Type: application/octet-stream",
                  cat("Content-Range: ", sent_, '-', sent_ + size - 1)};
  call.upload = &provide;
  call.upload_size = size;
  call.retry = false;
  // Bytes that are gone do not come back but by a rewind to the very start; so neither does a chunk.
  call.before_try = [&](Call&) -> Result<> {
    if (left == size) return {};
    return fail(Kind::kSystem, cat("PATCH ", shown_url(location_), ": the registry wants a chunk twice"));
  };
  TRY_ASSIGN(HttpResponse response, send(call));
  TRY_ASSIGN(location_, location_of(call.method, response));
  sent_ += size;
  return {};
}

Result<> Upload::chunked() {
  TRY(rewind_());
  uint64_t size = std::clamp(least_chunk_, kChunk, kLargestChunk);
  while (sent_ < blob_.size) TRY(chunk(std::min(size, blob_.size - sent_)));
  Call call = upload_call(endpoint_, "PUT", with_query(location_, "digest", blob_.digest.text()));
  TRY(send(call));
  return {};
}

bool is_hopeless(const Error& error) {
  return error.kind != Kind::kSystem || error.err == EACCES;
}

}  // namespace

Result<bool> Repository::has_blob(const Digest& digest) {
  Endpoint& endpoint = state_->origin();
  Call call = upload_call(endpoint, "HEAD", target_of(endpoint, "blobs", digest.text()));
  HttpOutcome outcome = state_->session.send(endpoint, call);
  if (outcome && outcome->status == 404) return false;
  TRY(expect_success(call, std::move(outcome)));
  return true;
}

Result<bool> Repository::mount_blob(const Digest& digest, const std::string& from_repository) {
  Endpoint& endpoint = state_->origin();
  std::string target = target_of(endpoint, "blobs", "uploads/");
  target = with_query(with_query(target, "mount", digest.text()), "from", from_repository);
  Call call = upload_call(endpoint, "POST", target);
  call.scope += cat(" repository:", from_repository, ":pull");
  HttpOutcome outcome = state_->session.send(endpoint, call);
  // We may push here, but not read there.
  if (outcome && (outcome->status == 401 || outcome->status == 403 || outcome->status == 404)) return false;
  TRY_ASSIGN(HttpResponse response, expect_success(call, std::move(outcome)));
  if (response.status == 201) return true;
  if (Result<std::string> location = location_of(call.method, response)) {
    Call cancel = upload_call(endpoint, "DELETE", *location);
    cancel.retry = false;
    ignore(expect_success(cancel, state_->session.send(endpoint, cancel)),
           "an upload that is left expires by itself");
  }
  return false;
}

Result<> Repository::upload_blob(const Descriptor& blob, const Provide& provide,
                                 const std::function<Result<>()>& rewind) {
  Upload upload(state_->session, state_->origin(), blob, provide, rewind);
  bool chunks = false;
  for (Backoff backoff(state_->session.patience());;) {
    TRY(upload.start());
    Result<long> status = 0;
    if (chunks) {
      Result<> done = upload.chunked();
      if (done) return {};
      status = std::unexpected(std::move(done).error());
    } else {
      status = upload.whole();
      if (status && *status == 201) return {};
      if (status) {
        chunks = true;
        continue;
      }
    }
    if (is_hopeless(status.error()) || backoff.exhausted()) return std::unexpected(status.error());
    backoff.wait(0);
  }
}

Result<> Repository::put_manifest(std::string_view tag_or_digest, std::string_view text,
                                  std::string_view media_type) {
  Endpoint& endpoint = state_->origin();
  Call call = upload_call(endpoint, "PUT", target_of(endpoint, "manifests", tag_or_digest));
  call.headers = {cat("Content-Type: ", media_type)};
  call.body = text;
  TRY_ASSIGN(HttpResponse response, expect_success(call, state_->session.send(endpoint, call)));
  Result<Digest> said = Digest::parse(response.header("docker-content-digest"));
  if (said && digest_of(text, said->algorithm()) != *said)
    return fail(Kind::kInvalid, cat("PUT ", shown_url(response.url), ": the registry has stored ",
                                    said->text(), ", which is not what was sent"));
  return {};
}

}  // namespace shoji::images
