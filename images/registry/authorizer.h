#pragma once
// The Authorization header for one registry: basic, or tokens as docker's token specification has them
// (https://distribution.github.io/distribution/spec/auth/). Shared by threads.
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "images/registry/challenge.h"
#include "images/registry/credentials.h"
#include "images/registry/http.h"

namespace shoji::images {

// Whose credentials, and what for.
struct Access {
  std::string registry, repository;
  std::string scope;      // "repository:NAME:pull", several separated by spaces
  bool plain_ok = false;  // the registry is insecure, so its token server may be
  std::string ca_file;
  // Sends a request to the token server, with retries.
  std::function<HttpOutcome(const HttpRequest&)> send;
};

class Authorizer {
 public:
  // What to send with a request; empty as long as nobody has asked for anything. Renews a token that is about to expire.
  Result<std::string> header(const Access& access);
  // After a 401: true when another try is worth it. `used` is what header() gave before.
  Result<bool> challenged(const Access& access, const HttpResponse& response, const std::string& used);
  // Instead of what the files have.
  void set_credentials(Credentials credentials);

 private:
  struct Token {
    std::string text;
    int64_t expires = 0;  // of the monotonic clock, seconds
  };
  Result<std::string> current(const Access& access);
  Result<Token> fetch(const Access& access);
  Result<HttpRequest> token_request(const Access& access);
  Result<> find(const Access& access);

  std::mutex mutex_;
  std::optional<Credentials> credentials_;
  Challenge challenge_;                  // what the registry asked for
  std::map<std::string, Token> tokens_;  // by scope
};

}  // namespace shoji::images
