#include "tests/images/fake_registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "base/fd.h"
#include "images/blobs/hash.h"
#include "tests/catch.h"

using namespace shoji;
using namespace shoji::images;

struct FakeRegistry::State {
  FakeHandler handler;
  UniqueFd listener;
  int port = 0;
  std::thread acceptor;
  std::atomic<bool> ending = false;
  mutable std::mutex mutex;
  std::vector<FakeRequest> requests;
  std::vector<std::thread> connections;  // one each

  void accept_all();
  void serve_connection(const UniqueFd& peer);
  bool read_request(int fd, std::string& buffer, FakeRequest& request) const;
  bool read_more(int fd, std::string& buffer) const;
  bool send_all(int fd, std::string_view text) const;
  bool reply(int fd, const FakeRequest& request, const FakeReply& reply) const;
  void tunnel(int fd, int other) const;  // a port
  [[nodiscard]] bool wait_for(int fd, short events) const;
};

// Ready, or the test is over.
bool FakeRegistry::State::wait_for(int fd, short events) const {
  while (!ending) {
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    if (poll(&waiting, 1, 20) > 0) return true;
  }
  return false;
}

bool FakeRegistry::State::read_more(int fd, std::string& buffer) const {
  char bytes[65536];
  if (!wait_for(fd, POLLIN)) return false;
  ssize_t n = recv(fd, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  buffer.append(bytes, static_cast<size_t>(n));
  return true;
}

bool FakeRegistry::State::send_all(int fd, std::string_view text) const {
  while (!text.empty()) {
    if (!wait_for(fd, POLLOUT)) return false;
    ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool FakeRegistry::State::read_request(int fd, std::string& buffer, FakeRequest& request) const {
  size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(fd, buffer)) return false;
    if (buffer[0] == 0x16) return false;  // a TLS ClientHello: we speak none
  }
  std::string_view head = std::string_view(buffer).substr(0, end + 2);
  std::string_view line = head.substr(0, head.find("\r\n"));
  request.method = line.substr(0, line.find(' '));
  line.remove_prefix(request.method.size() + 1);
  request.target = line.substr(0, line.find(' '));
  for (head.remove_prefix(head.find("\r\n") + 2); !head.empty(); head.remove_prefix(head.find("\r\n") + 2)) {
    std::string_view header = head.substr(0, head.find("\r\n"));
    size_t colon = std::min(header.find(':'), header.size());
    std::string name(header.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = header.substr(std::min(colon + 2, header.size()));
  }
  size_t length = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
  buffer.erase(0, end + 4);
  while (buffer.size() < length)
    if (!read_more(fd, buffer)) return false;
  request.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

bool FakeRegistry::State::reply(int fd, const FakeRequest& request, const FakeReply& reply) const {
  std::string head = cat("HTTP/1.1 ", reply.status, " Words\r\n");
  for (const auto& [name, value] : reply.headers) head += cat(name, ": ", value, "\r\n");
  if (reply.endless) {
    head += "Connection: close\r\n";
  } else if (reply.tunnel_to == 0) {
    head += cat("Content-Length: ", reply.content_length.value_or(reply.body.size()), "\r\n");
  }
  if (!send_all(fd, head + "\r\n")) return false;
  if (request.method == "HEAD") return true;
  size_t size = std::min({reply.body.size(), reply.close_after.value_or(reply.body.size()),
                          reply.stall_after.value_or(reply.body.size())});
  if (!send_all(fd, std::string_view(reply.body).substr(0, size))) return false;
  while (reply.endless)
    if (!send_all(fd, reply.body)) return false;
  if (reply.stall_after) {
    char byte = 0;
    while (wait_for(fd, POLLIN) && recv(fd, &byte, 1, 0) > 0) {
    }
    return false;
  }
  return !reply.close_after && !(reply.content_length && *reply.content_length != reply.body.size());
}

void FakeRegistry::State::tunnel(int fd, int other) const {
  UniqueFd target(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(other));
  if (connect(target.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  while (!ending) {
    pollfd both[2] = {{.fd = fd, .events = POLLIN, .revents = 0},
                      {.fd = target.get(), .events = POLLIN, .revents = 0}};
    if (poll(both, 2, 20) <= 0) continue;
    for (int i = 0; i < 2; i++) {
      if (both[i].revents == 0) continue;
      std::string bytes;
      if (!read_more(both[i].fd, bytes) || !send_all(both[1 - i].fd, bytes)) return;
    }
  }
}

void FakeRegistry::State::serve_connection(const UniqueFd& peer) {
  std::string buffer;
  for (;;) {
    FakeRequest request;
    if (!read_request(peer.get(), buffer, request)) return;
    {
      std::scoped_lock lock(mutex);
      request.number = static_cast<int>(std::ranges::count_if(requests, [&](const FakeRequest& other) {
        return other.method == request.method && other.target == request.target;
      }));
      requests.push_back(request);
    }
    FakeReply answer = handler(request);
    if (!reply(peer.get(), request, answer)) return;
    if (answer.tunnel_to != 0) return tunnel(peer.get(), answer.tunnel_to);
  }
}

void FakeRegistry::State::accept_all() {
  while (wait_for(listener.get(), POLLIN)) {
    int fd = accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::scoped_lock lock(mutex);
    connections.emplace_back([this, peer = UniqueFd(fd)] { serve_connection(peer); });
  }
}

FakeRegistry::FakeRegistry(FakeHandler handler) : state_(std::make_unique<State>()) {
  forget_environment();
  state_->handler = std::move(handler);
  state_->listener = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(state_->listener.get(), plain, size) == 0);
  REQUIRE(listen(state_->listener.get(), 64) == 0);
  REQUIRE(getsockname(state_->listener.get(), plain, &size) == 0);
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([this] { state_->accept_all(); });
}

FakeRegistry::~FakeRegistry() {
  state_->ending = true;
  state_->acceptor.join();
  for (std::thread& connection : state_->connections) connection.join();
}

std::string FakeRegistry::host() const {
  return cat("127.0.0.1:", state_->port);
}

std::vector<FakeRequest> FakeRegistry::requests() const {
  std::scoped_lock lock(state_->mutex);
  return state_->requests;
}

size_t FakeRegistry::connections() const {
  std::scoped_lock lock(state_->mutex);
  return state_->connections.size();
}

size_t FakeRegistry::count(std::string_view method, std::string_view target) const {
  std::vector<FakeRequest> all = requests();
  return static_cast<size_t>(std::ranges::count_if(
      all, [&](const FakeRequest& request) { return request.method == method && request.target == target; }));
}

FakeReply serve(const FakeRequest& request, std::string_view body) {
  std::string range = request.header("range");
  if (range.empty()) return {.body = std::string(body)};
  size_t begin = std::strtoul(range.c_str() + strlen("bytes="), nullptr, 10);
  if (begin >= body.size()) return {.status = 416};
  return {.status = 206,
          .headers = {{"Content-Range", cat("bytes ", begin, '-', body.size() - 1, '/', body.size())}},
          .body = std::string(body.substr(begin))};
}

FakeReply not_found() {
  return {.status = 404,
          .headers = {{"Content-Type", "application/json"}},
          .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
}

FakeReply manifest_reply(std::string body) {
  return {.headers = {{"Content-Type", std::string(media_type::kOciManifest)}}, .body = std::move(body)};
}

Patience impatient() {
  return {.retries = 3,
          .first_wait_ms = 1,
          .longest_wait_ms = 5,
          .longest_retry_after_s = 2,
          .connect_seconds = 5,
          .stall_seconds = 1};
}

void forget_environment() {
  setenv("REGISTRY_AUTH_FILE", "/nonexistent/auth.json", 1);
  for (const char* name :
       {"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"})
    unsetenv(name);
}

Repository repository_at(const std::string& host, const ImagesConfig& config, const Patience& patience) {
  Reference name;
  name.registry = host;
  name.repository = "team/x";
  Result<Repository> repository = Repository::open(config, name, patience);
  REQUIRE(repository);
  return std::move(*repository);
}

Descriptor descriptor_of(std::string_view body) {
  Descriptor descriptor;
  descriptor.digest = digest_of(body);
  descriptor.size = body.size();
  return descriptor;
}

std::string random_text(size_t size) {
  std::minstd_rand random(42);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() >> 8);
  return text;
}

Result<> download(Repository& repository, const Descriptor& blob, std::string& into) {
  return repository.blob(
      blob, into.size(),
      [&](std::span<const char> bytes) -> Result<> {
        into.append(bytes.data(), bytes.size());
        return {};
      },
      [&]() -> Result<> {
        into.clear();
        return {};
      });
}

Result<> upload(Repository& repository, std::string_view body) {
  size_t at = 0;
  return repository.upload_blob(
      descriptor_of(body),
      [&](std::span<char> into) -> Result<size_t> {
        size_t size = std::min(into.size(), body.size() - at);
        memcpy(into.data(), body.data() + at, size);
        at += size;
        return size;
      },
      [&]() -> Result<> {
        at = 0;
        return {};
      });
}
