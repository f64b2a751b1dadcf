#pragma once
// Servers and clients in network namespaces.
#include <string>
#include <vector>

#include "base/fd.h"
#include "tests/integration/process.h"

namespace shoji::test {

// tests/payload/server.c in a namespace: on every port it answers "NAME PEER". `ports`: "80", "53/udp".
class Server {
 public:
  Server(int netns, const std::string& name, const std::vector<std::string>& ports);
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  Process process_;
};
const std::string& server_program();

// What is answered to a client in `netns`; "" when nobody answers within `patience` seconds.
std::string ask(int netns, const std::string& address, int port, double patience = 2);
std::string ask_udp(int netns, const std::string& address, int port, double patience = 2);
// The same by curl(1), with further options: what it printed, and when it does not exit with 0 "curl: exit CODE".
std::string curl(int netns, const std::string& url, const std::vector<std::string>& options = {});
// "http://[2001:db8::1]:80/"
std::string url_of(const std::string& address, int port, const std::string& path = "/");

// An established connection of a client: it stays while the object lives.
class Connection {
 public:
  Connection(int netns, const std::string& address, int port, double patience = 2);
  [[nodiscard]] bool open() const { return static_cast<bool>(socket_); }
  // One more request on it; "" when it does not work any more.
  std::string ask(const std::string& path = "/");

 private:
  UniqueFd socket_;
};

}  // namespace shoji::test
