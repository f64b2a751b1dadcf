#pragma once
// An HTTP server on the loopback that misbehaves as it is told: each request is answered by a function of the test.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "images/registry/registry.h"

struct FakeRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // names in lower case
  int number = 0;                              // of requests with this method and target before it
  [[nodiscard]] std::string header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct FakeReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::optional<uint64_t> content_length{};  // else the truth
  std::optional<size_t> close_after{};       // bytes of the body, then the connection closes
  std::optional<size_t> stall_after{};       // bytes of the body, then nothing more comes
  bool endless = false;                      // the body again and again, without a length
  int tunnel_to = 0;  // a port of the loopback: from now on the bytes go there (CONNECT)
};

using FakeHandler = std::function<FakeReply(const FakeRequest&)>;

class FakeRegistry {
 public:
  explicit FakeRegistry(FakeHandler handler);
  ~FakeRegistry();
  FakeRegistry(const FakeRegistry&) = delete;
  FakeRegistry& operator=(const FakeRegistry&) = delete;
  [[nodiscard]] std::string host() const;  // "127.0.0.1:PORT"
  [[nodiscard]] std::string url() const { return "http://" + host(); }
  [[nodiscard]] std::vector<FakeRequest> requests() const;
  [[nodiscard]] size_t connections() const;
  [[nodiscard]] size_t count(std::string_view method, std::string_view target) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A body with Range (RFC 9110 14.2) as a good server would give it.
FakeReply serve(const FakeRequest& request, std::string_view body);
FakeReply not_found();
FakeReply manifest_reply(std::string body);

// Shorter than life.
shoji::images::Patience impatient();
// No credentials of the host's user, and no proxy, have a part in the test.
void forget_environment();
// The repository "team/x" of a registry.
shoji::images::Repository repository_at(const std::string& host,
                                        const shoji::images::ImagesConfig& config = {},
                                        const shoji::images::Patience& patience = impatient());
shoji::images::Descriptor descriptor_of(std::string_view body);
std::string random_text(size_t size);
// Downloads into `into`, from its end on.
shoji::Result<> download(shoji::images::Repository& repository, const shoji::images::Descriptor& blob,
                         std::string& into);
shoji::Result<> upload(shoji::images::Repository& repository, std::string_view body);
