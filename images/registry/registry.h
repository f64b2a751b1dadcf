#pragma once
// A client of the OCI distribution specification 1.1 (and docker's registry API v2), by libcurl.
#include <functional>
#include <memory>
#include <span>

#include "images/store/store.h"

namespace shoji::images {

// Credentials: containers' auth.json ($REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers, /run/containers/UID,
// ~/.config/containers), docker's config.json, and their credential helpers (docker-credential-NAME).
struct Credentials {
  std::string user, password;
  std::string identity_token;
  [[nodiscard]] bool empty() const { return user.empty() && identity_token.empty(); }
};
Result<Credentials> find_credentials(const std::string& registry, const std::string& repository);
Result<> save_credentials(const std::string& registry, const Credentials& credentials);
Result<> remove_credentials(const std::string& registry);  // kNotFound when there are none

// Takes the bytes of a blob as they come. An error ends the download with it.
using Receive = std::function<Result<>(std::span<const char>)>;
// Gives at most into.size() bytes of a blob to upload.
using Provide = std::function<Result<size_t>(std::span<char> into)>;

struct FetchedManifest {
  std::string text, media_type;
  Digest digest;  // of the text, computed
};

// One repository on one registry, over its mirrors. Each object is used by one thread at a time; copies (clone()) share
// tokens and what was learned about mirrors.
class Repository {
 public:
  static Result<Repository> open(const ImagesConfig& config, const Reference& name);
  [[nodiscard]] Repository clone() const;

  // Answers 401 by logging in, 429 and 5xx by waiting (Retry-After, else backoff with jitter), config.retries times; goes on
  // after a broken connection where it stopped (Range, RFC 9110 14.2). 404 is kNotFound.
  Result<FetchedManifest> manifest(std::string_view tag_or_digest);
  Result<bool> has_manifest(std::string_view tag_or_digest);
  // From byte `offset` on. `restarted` is called when the server ignores the offset and starts from 0.
  Result<> blob(const Descriptor& blob, uint64_t offset, const Receive& receive,
                const std::function<Result<>()>& restarted);

  Result<bool> has_blob(const Digest& digest);
  // Mounts it from another repository of the same registry (cross-repository blob mount); false: not possible.
  Result<bool> mount_blob(const Digest& digest, const std::string& from_repository);
  // `rewind` starts `provide` anew for a retry.
  Result<> upload_blob(const Descriptor& blob, const Provide& provide,
                       const std::function<Result<>()>& rewind);
  Result<> put_manifest(std::string_view tag_or_digest, std::string_view text, std::string_view media_type);
  Result<std::vector<std::string>> tags();
  // Tries the credentials that are there, or those given.
  Result<> check_login(const Credentials& credentials);

 private:
  struct State;
  explicit Repository(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace shoji::images
