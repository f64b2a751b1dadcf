#include "netsetup/device/rtnetlink.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "base/io.h"

namespace shoji::net {

namespace {

constexpr size_t kBuffer = 32768;  // what the kernel fills at most for one dump message
constexpr int kTries = 3;          // of a dump that changes while it is read

size_t aligned(size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~size_t{NLMSG_ALIGNTO - 1};
}

}  // namespace

RouteRequest::RouteRequest(uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  append(&header, sizeof header);
}

void RouteRequest::append(const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), bytes, bytes + size);
  bytes_.resize(aligned(bytes_.size()));
}

RouteRequest& RouteRequest::attribute(uint16_t type, const void* data, size_t size) {
  nlattr header{};
  header.nla_type = type;
  header.nla_len = static_cast<uint16_t>(sizeof header + size);
  append(&header, sizeof header);
  append(data, size);
  return *this;
}

std::string_view find_attribute(std::span<const uint8_t> attributes, uint16_t type) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr header{};
    memcpy(&header, attributes.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > attributes.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type)
      return {reinterpret_cast<const char*>(attributes.data()) + sizeof header,
              header.nla_len - sizeof header};
    attributes = attributes.subspan(std::min(aligned(header.nla_len), attributes.size()));
  }
  return {};
}

Result<PlainRouteSocket> PlainRouteSocket::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno(errno, "open an rtnetlink socket");
  return PlainRouteSocket(std::move(fd));
}

Result<PlainRouteSocket> PlainRouteSocket::open_in(int netns) {
  TRY_ASSIGN(UniqueFd home, open_file("/proc/thread-self/ns/net", O_RDONLY));
  if (setns(netns, CLONE_NEWNET) != 0) return fail_errno(errno, "enter the network namespace");
  Result<PlainRouteSocket> made = open();
  if (setns(home.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "come back to the host's network namespace");
  return made;
}

// One datagram. True: the answer is complete.
Result<bool> PlainRouteSocket::take(const Each& each, bool& interrupted) {
  alignas(nlmsghdr) uint8_t buffer[kBuffer];
  ssize_t n = 0;
  do {
    n = recv(fd_.get(), buffer, sizeof buffer, MSG_TRUNC);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(errno, "hear from rtnetlink");
  if (static_cast<size_t>(n) > sizeof buffer) return fail(Kind::kSystem, "rtnetlink's answer is too long");
  std::span<const uint8_t> rest(buffer, static_cast<size_t>(n));
  while (rest.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    memcpy(&header, rest.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
    std::span<const uint8_t> message = rest.subspan(sizeof header, header.nlmsg_len - sizeof header);
    rest = rest.subspan(std::min(aligned(header.nlmsg_len), rest.size()));
    if (header.nlmsg_seq != sequence_) continue;
    if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR) {
      int code = 0;
      if (message.size() >= sizeof code) memcpy(&code, message.data(), sizeof code);
      if (code != 0) return Failure(Error{Kind::kSystem, -code, std::string(errno_text(-code))});
      return true;
    }
    if (each) each(header.nlmsg_type, message);
  }
  return false;
}

Result<> PlainRouteSocket::ask(RouteRequest request, const Each& each) {
  nlmsghdr header{};
  memcpy(&header, request.bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(request.bytes_.size());
  if ((header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) header.nlmsg_flags |= NLM_F_ACK;
  for (int i = 0; i < kTries; ++i) {
    header.nlmsg_seq = ++sequence_;
    memcpy(request.bytes_.data(), &header, sizeof header);
    if (send(fd_.get(), request.bytes_.data(), request.bytes_.size(), 0) < 0)
      return fail_errno(errno, "ask rtnetlink");
    bool interrupted = false, complete = false;
    while (!complete) {
      TRY_ASSIGN(complete, take(each, interrupted));
    }
    if (!interrupted) return {};
  }
  return {};
}

}  // namespace shoji::net
