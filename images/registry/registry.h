#pragma once
// A client of the OCI distribution specification 1.1 (and docker's registry API v2), by libcurl.
#include <functional>
#include <memory>
#include <span>

#include "images/registry/credentials.h"
#include "images/registry/retry.h"
#include "images/store/store.h"

namespace shoji::images {

// Takes the bytes of a blob as they come. An error ends the download with it.
using Receive = std::function<Result<>(std::span<const char>)>;
// Gives at most into.size() bytes of a blob to upload; 0 is the end.
using Provide = std::function<Result<size_t>(std::span<char> into)>;

struct FetchedManifest {
  std::string text;
  std::string media_type;  // as the registry said, without parameters; empty when it said nothing of use
  Digest digest;           // of the text, computed; by the algorithm that was asked for
};

// One repository on one registry, over its mirrors. Each object is used by one thread at a time; copies (clone()) share
// tokens and what was learned about mirrors, and have connections of their own.
//
// An error names the request: `GET "https://reg.example/v2/x/manifests/1": 404 MANIFEST_UNKNOWN: manifest unknown`.
class Repository {
 public:
  static Result<Repository> open(const ImagesConfig& config, const Reference& name);
  static Result<Repository> open(const ImagesConfig& config, const Reference& name, const Patience& patience);
  [[nodiscard]] Repository clone() const;

  // Answers 401 by logging in, 429 and 5xx by waiting (Retry-After, else backoff with jitter), config.retries times; goes on
  // after a broken connection where it stopped (Range, RFC 9110 14.2). 404 is kNotFound.
  Result<FetchedManifest> manifest(std::string_view tag_or_digest);
  Result<bool> has_manifest(std::string_view tag_or_digest);
  // From byte `offset` on, exactly to blob.size. `restarted` is called when the server ignores the offset and starts
  // from 0. What came is not hashed here: the receiver does that.
  Result<> blob(const Descriptor& blob, uint64_t offset, const Receive& receive,
                const std::function<Result<>()>& restarted);
  // A small one, whole and verified.
  Result<std::string> small_blob(const Descriptor& blob, size_t limit);

  Result<bool> has_blob(const Digest& digest);
  // Mounts it from another repository of the same registry (cross-repository blob mount); false: not possible.
  Result<bool> mount_blob(const Digest& digest, const std::string& from_repository);
  // `rewind` starts `provide` anew; called before every try, the first one too.
  Result<> upload_blob(const Descriptor& blob, const Provide& provide,
                       const std::function<Result<>()>& rewind);
  Result<> put_manifest(std::string_view tag_or_digest, std::string_view text, std::string_view media_type);
  Result<std::vector<std::string>> tags();  // sorted
  // Tries the credentials that are there, or those given.
  Result<> check_login(const Credentials& credentials);

 private:
  struct State;
  explicit Repository(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace shoji::images
