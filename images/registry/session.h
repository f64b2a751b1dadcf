#pragma once
// Requests to one registry: authorized, redirected, and tried again.
#include "images/registry/endpoint.h"
#include "images/registry/http.h"
#include "images/registry/retry.h"

namespace shoji::images {

struct Call {
  std::string method = "GET";
  std::string target;  // "/v2/...", or a whole URL that the registry gave
  std::string scope;   // for the token
  std::vector<std::string> headers;
  std::string body;
  const std::function<Result<size_t>(std::span<char>)>* upload = nullptr;
  uint64_t upload_size = 0;
  BodyReceiver* receiver = nullptr;
  size_t body_limit = 1 << 20;
  int stall_seconds = 0;  // 0: as the patience says
  bool retry = true;
  // Before every try: the range that is still missing, an upload from its start.
  std::function<Result<>(Call&)> before_try;
  // Bytes that have arrived for good: who gets on is not out of patience.
  const uint64_t* progress = nullptr;
};

class Session {
 public:
  Session(const Patience& patience, HttpClient http) : patience_(patience), http_(std::move(http)) {}
  // The last answer, whatever its status but those that are tried again, or why there is none.
  HttpOutcome send(Endpoint& endpoint, Call& call);
  [[nodiscard]] const Patience& patience() const { return patience_; }
  // Its connections, for somebody else to use.
  HttpClient give_up() { return std::move(http_); }

 private:
  HttpOutcome authorized(Endpoint& endpoint, Call& call);
  HttpOutcome redirected(Endpoint& endpoint, Call& call, const std::string& authorization);
  HttpOutcome with_scheme(Endpoint& endpoint, HttpRequest& request, const Call& call);
  [[nodiscard]] HttpRequest request_of(const Endpoint& endpoint, const Call& call) const;
  HttpOutcome token_server(const HttpRequest& request);

  Patience patience_;
  HttpClient http_;
};

}  // namespace shoji::images
