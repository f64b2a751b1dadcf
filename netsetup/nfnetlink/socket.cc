#include "netsetup/nfnetlink/socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace shoji::net {

namespace {

constexpr size_t kAnswerSize = 65536;      // bytes; the kernel fills as much of it as a dump has
constexpr int kSendBuffer = 64 << 20U;     // bytes; a transaction is sent as one
constexpr int kReceiveBuffer = 16 << 20U;  // bytes; each message of a transaction may be answered

// NETLINK_EXT_ACK's sentence (netlink(7)); with NETLINK_CAP_ACK the request is not repeated before it.
std::string kernel_words(const nlmsghdr* header) {
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t skip = NLMSG_HDRLEN + sizeof(nlmsgerr);
  const auto* first = reinterpret_cast<const uint8_t*>(header);
  if (header->nlmsg_len <= skip) return {};
  return Attributes({first + skip, header->nlmsg_len - skip}).text(NLMSGERR_ATTR_MSG);
}

int error_of(const nlmsghdr* header) {
  int error = 0;
  if (header->nlmsg_len >= NLMSG_HDRLEN + sizeof error)
    memcpy(&error, reinterpret_cast<const uint8_t*>(header) + NLMSG_HDRLEN, sizeof error);
  return -error;
}

void set_buffer(int fd, int forced, int asked, int size) {
  // Beyond net.core.*mem_max only for CAP_NET_ADMIN, which all of this needs anyway.
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0)
    setsockopt(fd, SOL_SOCKET, asked, &size, sizeof size);
}

}  // namespace

Result<NetfilterSocket> NetfilterSocket::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) return fail_errno(errno, "open a netfilter socket");
  int one = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  return NetfilterSocket(std::move(fd));
}

Result<> NetfilterSocket::send(Bytes bytes) {
  constexpr size_t kUsualSize =
      16384;  // bytes; the usual buffers hold it, and an answer to each of its messages
  if (bytes.size() > kUsualSize) {
    set_buffer(fd_.get(), SO_SNDBUFFORCE, SO_SNDBUF, kSendBuffer);
    set_buffer(fd_.get(), SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBuffer);
  }
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent =
        sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail_errno(errno, "send a request to netfilter");
  return {};
}

Result<> NetfilterSocket::talk(MessageWriter& requests, const Answer& answer, const Refused& refused) {
  TRY(send(requests.finish()));
  std::vector<uint8_t> buffer(kAnswerSize);
  bool answered = false;
  // The kernel answers before the sending call returns, and fills the socket again while a dump is read (af_netlink.c):
  // an empty socket has no more to say.
  while (true) {
    ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN && answered) return {};
    if (size < 0) return fail_errno(errno, "read netfilter's answer");
    answered = true;
    auto left = static_cast<size_t>(size);
    const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
    while (left >= sizeof *header && header->nlmsg_len >= sizeof *header && header->nlmsg_len <= left) {
      if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
        // A dump that fails says so in NLMSG_DONE.
        int error = error_of(header);
        if (error != 0 && refused) refused(header->nlmsg_seq, error, kernel_words(header));
      } else if (answer) {
        answer(header);
      }
      size_t step = std::min<size_t>(NLMSG_ALIGN(header->nlmsg_len), left);
      left -= step;
      header = reinterpret_cast<const nlmsghdr*>(reinterpret_cast<const uint8_t*>(header) + step);
    }
  }
}

}  // namespace shoji::net
