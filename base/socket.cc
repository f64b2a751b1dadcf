#include "base/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace shoji {

Result<UniqueFd> connect_unix(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // sun_path holds 107 bytes; a longer path is shortened by way of a descriptor of what it names.
  UniqueFd bound;
  std::string name = path;
  if (name.size() >= sizeof address.sun_path) {
    bound.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!bound) return fail_errno(errno, cat("connect to ", quote(path)));
    name = cat("/proc/self/fd/", bound.get());
  }
  memcpy(address.sun_path, name.c_str(), name.size() + 1);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, cat("connect to ", quote(path)));
  return socket;
}

Result<> send_fd(int socket, int fd, std::string_view payload) {
  iovec vector{const_cast<char*>(payload.data()), payload.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t n = 0;
  do {
    n = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(errno, "send a descriptor");
  return {};
}

}  // namespace shoji
