#include <charconv>
#include <optional>

#include "images/blobs/hash.h"
#include "images/registry/registry_error.h"
#include "images/registry/state.h"
#include "images/registry/url.h"

namespace shoji::images {

namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes 100-199/200": where the part begins.
std::optional<uint64_t> range_begin(std::string_view header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  header.remove_prefix(6);
  return number(header.substr(0, header.find('-')));
}

// Counts what arrives, and takes nothing beyond the descriptor's size.
class Download final : public BodyReceiver {
 public:
  Download(const Descriptor& blob, uint64_t offset, const Receive& receive,
           const std::function<Result<>()>& restarted)
      : blob_(blob), receive_(receive), restarted_(restarted), offset_(offset) {}

  Result<> begin(const HttpResponse& head) override;
  Result<> bytes(std::span<const char> bytes) override;
  Result<> restart();
  [[nodiscard]] const uint64_t& offset() const { return offset_; }
  [[nodiscard]] bool complete() const { return offset_ == blob_.size; }
  // The receiver has had enough: no other server will do better.
  [[nodiscard]] const std::optional<Error>& given_up() const { return given_up_; }

 private:
  Result<> keep(Result<> result);
  [[nodiscard]] Failure too_long(uint64_t size) const;
  const Descriptor& blob_;
  const Receive& receive_;
  const std::function<Result<>()>& restarted_;
  uint64_t offset_;
  std::string url_;
  std::optional<Error> given_up_;
};

Result<> Download::keep(Result<> result) {
  if (!result) given_up_ = result.error();
  return result;
}

Failure Download::too_long(uint64_t size) const {
  return fail(Kind::kInvalid, cat("GET ", shown_url(url_), ": the blob should have ", blob_.size,
                                  " bytes, and the registry sends ", size));
}

Result<> Download::restart() {
  offset_ = 0;
  return keep(restarted_());
}

Result<> Download::begin(const HttpResponse& head) {
  url_ = head.url;
  if (head.status == 206) {
    std::optional<uint64_t> from = range_begin(head.header("content-range"));
    if (from != offset_)
      return fail(Kind::kInvalid,
                  cat("GET ", shown_url(url_), ": range ", quote(head.header("content-range")),
                      " is not what was asked for: ", offset_, " and on"));
  } else if (head.status != 200) {
    return fail(Kind::kInvalid, cat("GET ", shown_url(url_), ": unexpected status ", head.status));
  } else if (offset_ > 0) {
    TRY(restart());
  }
  std::optional<uint64_t> length = number(head.header("content-length"));
  if (length && *length > blob_.size - offset_) return too_long(offset_ + *length);
  return {};
}

Result<> Download::bytes(std::span<const char> bytes) {
  if (bytes.size() > blob_.size - offset_) return too_long(offset_ + bytes.size());
  TRY(keep(receive_(bytes)));
  offset_ += bytes.size();
  return {};
}

// The blob from one endpoint; what has arrived stays, whatever happens.
Result<> download_from(Session& session, Endpoint& endpoint, const Descriptor& blob, Download& download) {
  Call call;
  call.target = target_of(endpoint, "blobs", blob.digest.text());
  call.scope = endpoint.scope("pull");
  call.receiver = &download;
  call.progress = &download.offset();
  call.before_try = [&](Call& next) -> Result<> {
    next.headers.clear();
    if (download.offset() > 0) next.headers.push_back(cat("Range: bytes=", download.offset(), '-'));
    return {};
  };
  for (int ranges_refused = 0, ended_early = 0;;) {
    uint64_t before = download.offset();
    HttpOutcome outcome = session.send(endpoint, call);
    bool broken = !outcome && outcome.error().cause == HttpFailure::Cause::kBroken;
    if (download.complete() && (broken || (outcome && outcome->is_success()))) return {};
    if (outcome && outcome->status == 416 && download.offset() > 0 && ranges_refused++ == 0) {
      TRY(download.restart());
      continue;
    }
    TRY_ASSIGN(HttpResponse response, expect_success(call, std::move(outcome)));
    // A whole answer, but not the whole blob: some proxies close a broken transfer as if it were complete.
    if (download.offset() > before && ended_early++ < 3) continue;
    return fail(Kind::kInvalid, cat("GET ", shown_url(response.url), ": the blob ends after ",
                                    download.offset(), " of ", blob.size, " bytes"));
  }
}

}  // namespace

Result<> Repository::blob(const Descriptor& blob, uint64_t offset, const Receive& receive,
                          const std::function<Result<>()>& restarted) {
  if (offset > blob.size)
    return fail(Kind::kInvalid, cat("blob ", blob.digest.text(), " has ", blob.size, " bytes, not ", offset));
  Download download(blob, offset, receive, restarted);
  if (offset > 0 && download.complete()) return {};
  for (const std::unique_ptr<Endpoint>& endpoint : state_->shared->endpoints) {
    if (endpoint->down) continue;
    Result<> done = download_from(state_->session, *endpoint, blob, download);
    if (done || !endpoint->mirror || download.given_up()) return done;
  }
  return {};
}

Result<std::string> Repository::small_blob(const Descriptor& blob, size_t limit) {
  if (blob.size > limit)
    return fail(Kind::kInvalid,
                cat("blob ", blob.digest.text(), " of ", blob.size, " bytes is too large here"));
  std::string text;
  TRY(this->blob(
      blob, 0,
      [&](std::span<const char> bytes) -> Result<> {
        text.append(bytes.data(), bytes.size());
        return {};
      },
      [&]() -> Result<> {
        text.clear();
        return {};
      }));
  if (Digest digest = digest_of(text, blob.digest.algorithm()); digest != blob.digest)
    return fail(Kind::kInvalid, cat("blob ", blob.digest.text(), " came with digest ", digest.text()));
  return text;
}

}  // namespace shoji::images
