#pragma once
// rtnetlink(7) through libnl3: requests are collected and sent in one system call, every answer is looked at.
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

struct nl_msg;
struct nl_sock;

namespace shoji::net {

// A socket on one network namespace: requests act on the namespace where it was opened, wherever we are later.
class RouteSocket {
 public:
  // In the caller's network namespace.
  static Result<RouteSocket> open();
  // In the namespace behind `netns` (a /proc/PID/ns/net or a pinned file). The calling thread enters it and comes back,
  // so the program has one thread only.
  static Result<RouteSocket> open_in(int netns);
  RouteSocket(RouteSocket&&) noexcept;
  RouteSocket& operator=(RouteSocket&&) noexcept;
  ~RouteSocket();

  // ifindex(7) of an interface; kNotFound.
  Result<int> index_of(const std::string& name);
  [[nodiscard]] nl_sock* get() const { return socket_.get(); }

 private:
  struct Deleter {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(nl_sock* socket) : socket_(socket) {}
  std::unique_ptr<nl_sock, Deleter> socket_;
};

// Requests that are to be made, in order. The kernel carries on behind one that fails, so that what depends on it fails
// as well; the first failure is the one that is told.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  // Takes the message. `what` opens the error: `make veth "v1"`. An `ignored` errno is a success (ENOENT when something
  // that may be gone is removed).
  void add(nl_msg* message, std::string what, int ignored = 0);
  [[nodiscard]] bool empty() const { return requests_.empty(); }
  // Sends everything and waits for every answer; the batch is empty then.
  Result<> send(RouteSocket& socket);

 private:
  struct Request {
    nl_msg* message;
    std::string what;
    int ignored;
  };
  std::vector<Request> requests_;
};

}  // namespace shoji::net
