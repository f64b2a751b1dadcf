#include "tests/integration/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>

#include "tests/integration/wait.h"

namespace shoji::test {
namespace {

bool readable(int fd, double seconds) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, static_cast<int>(seconds * time_factor() * 1000)) > 0;
}

}  // namespace

Pty::Pty() {
  int m = -1, s = -1;
  if (openpty(&m, &s, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
  fcntl(m, F_SETFD, FD_CLOEXEC);
  fcntl(s, F_SETFD, FD_CLOEXEC);
  master.reset(m);
  slave.reset(s);
}

void Pty::resize(unsigned short columns, unsigned short rows) const {
  winsize size{rows, columns, 0, 0};
  ioctl(master.get(), TIOCSWINSZ, &size);
}

void Pty::type(std::string_view keys) const {
  if (write(master.get(), keys.data(), keys.size()) < 0) throw std::runtime_error("typing into a pty");
}

std::string read_until(int fd, std::string_view text, double seconds) {
  std::string all;
  double deadline = now() + seconds * time_factor();
  while (all.find(text) == std::string::npos && now() < deadline) {
    char buffer[4096];
    if (!readable(fd, (deadline - now()) / time_factor())) break;
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) break;  // EIO: the last slave was closed
    all.append(buffer, static_cast<size_t>(n));
  }
  return all;
}

ConsoleSocket::ConsoleSocket(std::string path)
    : path_(std::move(path)), listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_.get(), 1) != 0)
    throw std::runtime_error("a console socket at " + path_);
}

UniqueFd ConsoleSocket::receive(double seconds) {
  if (!readable(listener_.get(), seconds)) return {};
  UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer || !readable(peer.get(), seconds)) return {};
  char text[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec data{text, sizeof text};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC);
  cmsghdr* header = n < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  message_.assign(text, static_cast<size_t>(n));
  int fd = -1;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace shoji::test
