#include "netsetup/link/netlink.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace shoji::net {

namespace {

constexpr uint32_t kFirstSequence = 1;
// Requests in one system call. Every answer takes about 1 KiB of the socket's receive buffer, and what does not fit is lost
// (netlink(7), ENOBUFS); libnl asks for 32 KiB only.
constexpr size_t kPiece = 100;
constexpr int kReceiveBuffer = 208 << 10;  // bytes: net.core.rmem_max unless the host says otherwise
constexpr size_t kAnswerSize = 16384;      // bytes; the kernel's own limit for answers to single requests

// A failed request is answered with the request and, as we ask for it, with the kernel's own words (netlink(7),
// NETLINK_EXT_ACK): they say which attribute it did not like.
std::string kernel_words(const nlmsghdr* header) {
  const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(header));
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t skip = sizeof(*error);
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) skip += error->msg.nlmsg_len - sizeof(error->msg);
  auto* first = reinterpret_cast<nlattr*>(static_cast<char*>(nlmsg_data(header)) + NLMSG_ALIGN(skip));
  int left = nlmsg_datalen(header) - static_cast<int>(NLMSG_ALIGN(skip));
  nlattr* found = left > 0 ? nla_find(first, left, NLMSGERR_ATTR_MSG) : nullptr;
  return found != nullptr ? std::string(nla_get_string(found)) : std::string();
}

Result<> set_up(nl_sock* socket) {
  if (int status = nl_connect(socket, NETLINK_ROUTE); status < 0)
    return fail(Kind::kSystem, cat("open a netlink socket: ", nl_geterror(status)));
  int one = 1;
  int fd = nl_socket_get_fd(socket);
  // Older kernels than 4.12 lack it: then there are fewer words.
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {};
}

}  // namespace

void RouteSocket::Deleter::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}
RouteSocket::RouteSocket(RouteSocket&&) noexcept = default;
RouteSocket& RouteSocket::operator=(RouteSocket&&) noexcept = default;
RouteSocket::~RouteSocket() = default;

Result<RouteSocket> RouteSocket::open() {
  RouteSocket out(nl_socket_alloc());
  if (!out.socket_) return fail(Kind::kSystem, "open a netlink socket: out of memory");
  TRY(set_up(out.get()));
  return out;
}

Result<RouteSocket> RouteSocket::open_in(int netns) {
  TRY_ASSIGN(UniqueFd home, open_file("/proc/thread-self/ns/net", O_RDONLY));
  if (setns(netns, CLONE_NEWNET) != 0) return fail_errno(errno, "enter the network namespace");
  Result<RouteSocket> out = open();
  // A verb that cannot come back would go on in the wrong namespace.
  if (setns(home.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "come back to the host's network namespace");
  return out;
}

Result<nlmsghdr*> RouteSocket::ask_for_link(const std::string& name, std::span<char> buffer) {
  nl_msg* message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);
  ifinfomsg info{};
  nlmsg_append(message, &info, sizeof info, NLMSG_ALIGNTO);
  nla_put_string(message, IFLA_IFNAME, name.c_str());
  nlmsghdr* header = nlmsg_hdr(message);
  header->nlmsg_seq = kFirstSequence;
  ssize_t sent = ::send(nl_socket_get_fd(get()), header, header->nlmsg_len, 0);
  int error = errno;
  nlmsg_free(message);
  if (sent < 0) return fail_errno(error, cat("look for interface ", quote(name)));
  ssize_t size = recv(nl_socket_get_fd(get()), buffer.data(), buffer.size(), 0);
  if (size < 0) return fail_errno(errno, cat("look for interface ", quote(name)));
  auto* reply = reinterpret_cast<nlmsghdr*>(buffer.data());
  if (reply->nlmsg_type == NLMSG_ERROR)
    return fail_errno(-static_cast<nlmsgerr*>(nlmsg_data(reply))->error,
                      cat("look for interface ", quote(name)));
  return reply;
}

// netdevice(7)'s ioctl, which any socket takes: RTM_GETLINK would wait for whoever changes interfaces just now.
Result<int> RouteSocket::index_of(const std::string& name) {
  ifreq request{};
  int error = ENODEV;
  if (name.size() < sizeof request.ifr_name) {
    name.copy(request.ifr_name, name.size());
    if (ioctl(nl_socket_get_fd(get()), SIOCGIFINDEX, &request) == 0) return request.ifr_ifindex;
    error = errno;
  }
  return fail_errno(error, cat("look for interface ", quote(name)));
}

bool RouteSocket::is_up(const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return false;
  name.copy(request.ifr_name, name.size());
  return ioctl(nl_socket_get_fd(get()), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

void RouteSocket::settle_carrier(const std::string& name) {
  ethtool_value question{.cmd = ETHTOOL_GLINK, .data = 0};
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return;
  name.copy(request.ifr_name, name.size());
  request.ifr_data = reinterpret_cast<char*>(&question);
  ioctl(nl_socket_get_fd(get()), SIOCETHTOOL, &request);
}

Result<rtnl_link_stats64> RouteSocket::statistics_of(const std::string& name) {
  alignas(nlmsghdr) char buffer[kAnswerSize];
  TRY_ASSIGN(nlmsghdr * reply, ask_for_link(name, buffer));
  nlattr* found = nlmsg_find_attr(reply, sizeof(ifinfomsg), IFLA_STATS64);
  // Older kernels than ours have shorter structures; what they do not know stays zero.
  rtnl_link_stats64 out{};
  if (found == nullptr) return fail(Kind::kUnsupported, cat("interface ", quote(name), " has no counters"));
  memcpy(&out, nla_data(found), std::min<size_t>(sizeof out, static_cast<size_t>(nla_len(found))));
  return out;
}

Batch::Batch() = default;
Batch::~Batch() {
  for (Request& request : requests_) nlmsg_free(request.message);
}

void Batch::add(nl_msg* message, std::string what, int ignored, int ignored_too) {
  if (!subject_.empty()) what = cat(subject_, ": ", what);
  requests_.push_back({message, std::move(what), ignored, ignored_too});
}

Result<> Batch::send(RouteSocket& socket) {
  Result<> result;
  std::span<Request> left = requests_;
  while (result && !left.empty()) {
    std::span<Request> piece = left.first(std::min(left.size(), kPiece));
    result = send_piece(socket, piece);
    left = left.subspan(piece.size());
  }
  for (Request& request : requests_) nlmsg_free(request.message);
  requests_.clear();
  return result;
}

Result<> Batch::send_piece(RouteSocket& socket, std::span<Request> piece) {
  std::vector<iovec> pieces;
  pieces.reserve(piece.size());
  for (uint32_t i = 0; i < piece.size(); ++i) {
    nlmsghdr* header = nlmsg_hdr(piece[i].message);
    header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    header->nlmsg_seq = kFirstSequence + i;
    header->nlmsg_pid = nl_socket_get_local_port(socket.get());
    pieces.push_back({header, NLMSG_ALIGN(header->nlmsg_len)});
  }
  msghdr out{};
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  out.msg_name = &kernel;
  out.msg_namelen = sizeof kernel;
  out.msg_iov = pieces.data();
  out.msg_iovlen = pieces.size();
  int fd = nl_socket_get_fd(socket.get());
  if (sendmsg(fd, &out, 0) < 0) return fail_errno(errno, cat(piece.front().what, ": send the request"));
  Result<> result;
  alignas(nlmsghdr) char buffer[kAnswerSize];
  for (size_t answered = 0; answered < piece.size();) {
    ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, "read netlink's answer");
    int left = static_cast<int>(size);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); nlmsg_ok(header, left);
         header = nlmsg_next(header, &left)) {
      uint32_t index = header->nlmsg_seq - kFirstSequence;
      if (header->nlmsg_type != NLMSG_ERROR || index >= piece.size()) continue;
      ++answered;
      const Request& request = piece[index];
      int error = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
      if (error == 0 || error == request.ignored || error == request.ignored_too || !result) continue;
      std::string words = kernel_words(header);
      result = fail_errno(error, words.empty() ? request.what : cat(request.what, " (", words, ")"));
    }
  }
  return result;
}

}  // namespace shoji::net
