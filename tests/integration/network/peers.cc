#include "tests/integration/network/peers.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/catch.h"
#include "tests/integration/wait.h"
#include "tests/netsetup/namespaces.h"

namespace shoji::test {

namespace {

// A socket in `netns` that is connected to the address, or none.
UniqueFd connected(int netns, const std::string& address, int port, int type, double patience) {
  return inside(netns, [&] {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = type;
    addrinfo* target = nullptr;
    if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &target) != 0) return UniqueFd();
    UniqueFd client(socket(target->ai_family, type | SOCK_CLOEXEC, 0));
    double seconds = patience * time_factor();
    timeval limit{.tv_sec = static_cast<time_t>(seconds),
                  .tv_usec = static_cast<suseconds_t>(
                      (seconds - static_cast<double>(static_cast<time_t>(seconds))) * 1e6)};
    setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(client.get(), target->ai_addr, target->ai_addrlen) != 0) client.reset();
    freeaddrinfo(target);
    return client;
  });
}

}  // namespace

const std::string& server_program() {
  static const std::string path = SHOJI_TEST_SERVER;
  return path;
}

Server::Server(int netns, const std::string& name, const std::vector<std::string>& ports)
    : process_([&] {
        Command c;
        c.argv = {server_program(), name};
        c.argv.insert(c.argv.end(), ports.begin(), ports.end());
        c.namespaces = {netns};
        c.service = true;
        return c;
      }()) {
  bool ready = eventually([&] { return process_.out() == "ready\n"; });
  INFO(process_.out());
  REQUIRE(ready);
}

std::string ask(int netns, const std::string& address, int port, double patience) {
  Connection connection(netns, address, port, patience);
  return connection.open() ? connection.ask() : "";
}

std::string ask_udp(int netns, const std::string& address, int port, double patience) {
  UniqueFd client = connected(netns, address, port, SOCK_DGRAM, patience);
  if (!client || send(client.get(), "?", 1, 0) != 1) return "";
  char answer[256];
  ssize_t n = recv(client.get(), answer, sizeof answer, 0);
  return {answer, n > 0 ? static_cast<size_t>(n) : 0};
}

std::string url_of(const std::string& address, int port, const std::string& path) {
  bool six = address.find(':') != std::string::npos;
  return "http://" + (six ? "[" + address + "]" : address) + ":" + std::to_string(port) + path;
}

std::string curl(int netns, const std::string& url, const std::vector<std::string>& options) {
  Command c;
  c.argv = {"/usr/bin/curl", "-sS", "-g", "--max-time", std::to_string(static_cast<int>(5 * time_factor()))};
  c.argv.insert(c.argv.end(), options.begin(), options.end());
  c.argv.push_back(url);
  c.namespaces = {netns};
  // A proxy of the machine's is not meant.
  c.env = {"PATH=/usr/bin:/bin", "no_proxy=*"};
  Finished done = run_command(c);
  return done.code == 0 ? done.out : "curl: exit " + std::to_string(done.code);
}

Connection::Connection(int netns, const std::string& address, int port, double patience)
    : socket_(connected(netns, address, port, SOCK_STREAM, patience)) {}

std::string Connection::ask(const std::string& path) {
  std::string request = "GET " + path + " HTTP/1.1\r\n\r\n";
  if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return "";
  std::string got;
  while (true) {
    size_t end = got.find("\r\n\r\n");
    if (end != std::string::npos) {
      size_t length = strtoul(got.c_str() + got.find("Content-Length: ") + 16, nullptr, 10);
      if (got.size() - end - 4 >= length) return got.substr(end + 4, length);
    }
    char part[4096];
    ssize_t n = recv(socket_.get(), part, sizeof part, 0);
    if (n <= 0) return "";
    got.append(part, static_cast<size_t>(n));
  }
}

}  // namespace shoji::test
