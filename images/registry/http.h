#pragma once
// One HTTP exchange at a time by libcurl, with bounded headers and bodies. A redirect is an answer here: who follows it
// decides what may be told to whom.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace shoji::images {

struct HttpResponse {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // what no BodyReceiver took
  std::string url;                                           // that answered
  uint64_t retry_after = 0;                                  // seconds

  [[nodiscard]] std::string header(std::string_view name) const;  // the first one, or empty
  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

// Takes the body of an answer of 2xx.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  virtual Result<> begin(const HttpResponse& head) = 0;
  virtual Result<> bytes(std::span<const char> bytes) = 0;
};

struct HttpRequest {
  std::string method = "GET", url;
  std::vector<std::string> headers;  // "Name: value"
  std::string authorization;         // the header's value
  std::string body;
  // Instead of `body`: gives `upload_size` bytes.
  const std::function<Result<size_t>(std::span<char>)>* upload = nullptr;
  uint64_t upload_size = 0;
  BodyReceiver* receiver = nullptr;  // without one the body is collected
  size_t body_limit = 1 << 20;       // of what is collected from 2xx; other bodies are cut off

  bool verify = true;     // of certificates
  bool use_proxy = true;  // what http_proxy, https_proxy and no_proxy say
  std::string ca_file, certificate, key;
  int connect_seconds = 15, stall_seconds = 30;
};

struct HttpFailure {
  enum class Cause : uint8_t {
    kStopped,      // by the receiver or provider, or because it was too much
    kRefused,      // another try will not help: certificates
    kUnreachable,  // no connection came about
    kNoTls,        // a connection, but no TLS
    kBroken,       // later
  };
  Cause cause = Cause::kBroken;
  Error error;
};
using HttpOutcome = std::expected<HttpResponse, HttpFailure>;

// Keeps connections open between exchanges. Used by one thread at a time.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  HttpOutcome perform(const HttpRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace shoji::images
