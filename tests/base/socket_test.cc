#include "base/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/io.h"
#include "tests/catch.h"

using namespace shoji;

namespace {

// A socket that listens at `name` below a directory of its own, whose path is `length` bytes long or more.
struct Listener {
  std::string top, path;
  UniqueFd fd;
  explicit Listener(size_t length) {
    char name[] = "/tmp/shoji-socket-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    top = name;
    std::string directory = top;
    while (directory.size() < length) directory += "/" + std::string(50, 'd');
    REQUIRE(make_directories(directory, 0700));
    path = directory + "/socket";
    fd.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    UniqueFd dir(open(directory.c_str(), O_PATH | O_CLOEXEC));
    std::string near = cat("/proc/self/fd/", dir.get(), "/socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, near.c_str(), near.size() + 1);
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd.get(), 1) == 0);
  }
  ~Listener() { ignore(remove_tree(top), "a leftover below /tmp"); }
};

// What one end got: the payload, and whether the descriptor leads to `device` and `inode`.
struct Received {
  std::string payload;
  UniqueFd fd;
};

Received receive(int socket) {
  char payload[64] = {};
  iovec vector{payload, sizeof payload};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = recvmsg(socket, &message, 0);
  Received received{std::string(payload, n > 0 ? static_cast<size_t>(n) : 0), {}};
  if (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
    int fd = -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    received.fd.reset(fd);
  }
  return received;
}

}  // namespace

TEST_CASE("a descriptor is sent to a socket, however long its path") {
  for (size_t length : {0, 300}) {
    Listener listener(length);
    auto connected = connect_unix(listener.path);
    REQUIRE(connected);
    UniqueFd accepted(accept(listener.fd.get(), nullptr, nullptr));
    UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    REQUIRE(send_fd(connected->get(), null.get(), "/dev/ptmx"));
    Received received = receive(accepted.get());
    CHECK(received.payload == "/dev/ptmx");
    struct stat st{};
    REQUIRE(fstat(received.fd.get(), &st) == 0);
    CHECK(S_ISCHR(st.st_mode));
  }
}

TEST_CASE("a socket that is not there is named") {
  auto connected = connect_unix("/nonexistent/socket");
  REQUIRE_FALSE(connected);
  CHECK(connected.error().text == "connect to \"/nonexistent/socket\": No such file or directory");
}
