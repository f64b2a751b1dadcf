#pragma once
// rtnetlink(7) through libnl3: requests are collected and sent in one system call, every answer is looked at.
#include <linux/if_link.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

struct nl_msg;
struct nlmsghdr;
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

  // The index of an interface; Error::err is ENODEV when there is none of that name.
  Result<int> index_of(const std::string& name);
  // False also when there is none of that name.
  bool is_up(const std::string& name);
  // After the other end came up: the interface sends from now on. The kernel lets it only when a worker has seen the
  // carrier (net/core/link_watch.c), which may take long when others change interfaces, and drops packets until then;
  // asking for the link's state sees to it at once (ethtool_op_get_link(), since Linux 3.0). Gone is fine.
  void settle_carrier(const std::string& name);
  // IFLA_STATS64 of an interface, by its name; fails as index_of() does.
  Result<rtnl_link_stats64> statistics_of(const std::string& name);
  [[nodiscard]] nl_sock* get() const { return socket_.get(); }

 private:
  struct Deleter {
    void operator()(nl_sock* socket) const;
  };
  // The answer to RTM_GETLINK for `name`, in `buffer`.
  Result<nlmsghdr*> ask_for_link(const std::string& name, std::span<char> buffer);
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
  // Takes the message. `what` opens the error: `make veth "v1"`. An `ignored` errno is a success: when
  // something that may be gone is removed. The kernel has two for some objects.
  void add(nl_msg* message, std::string what, int ignored = 0, int ignored_too = 0);
  // Opens the errors of what is added from now on: in a batch for many, the sentence says whose request it was.
  void about(std::string subject) { subject_ = std::move(subject); }
  [[nodiscard]] bool empty() const { return requests_.empty(); }
  // Sends everything and waits for every answer; the batch is empty then. A large batch is sent in pieces: behind one
  // with a failure nothing more is sent.
  Result<> send(RouteSocket& socket);

 private:
  struct Request {
    nl_msg* message;
    std::string what;
    int ignored, ignored_too;
  };
  static Result<> send_piece(RouteSocket& socket, std::span<Request> piece);
  std::vector<Request> requests_;
  std::string subject_;
};

}  // namespace shoji::net
