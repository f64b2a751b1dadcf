#include "runtime/keeper/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace shoji {

namespace {

// sun_path has 108 bytes; a path through a descriptor of the directory is always short enough.
Result<sockaddr_un> address_of(const std::string& path, UniqueFd& directory) {
  size_t slash = path.rfind('/');
  TRY_ASSIGN(directory, open_file(path.substr(0, slash), O_PATH | O_DIRECTORY));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = cat("/proc/self/fd/", directory.get(), path.substr(slash));
  if (name.size() >= sizeof address.sun_path)
    return fail(Kind::kInvalid, cat("socket ", quote(path), ": its name is too long"));
  memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return address;
}

}  // namespace

Result<UniqueFd> listen_for_verbs(const std::string& path) {
  UniqueFd directory;
  TRY_ASSIGN(sockaddr_un address, address_of(path, directory));
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, cat("remove ", quote(path)));
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, cat("bind ", quote(path)));
  if (listen(socket.get(), 64) != 0) return fail_errno(errno, cat("listen at ", quote(path)));
  return socket;
}

Result<UniqueFd> tell_keeper(const std::string& path, std::string_view words) {
  UniqueFd directory;
  auto address = address_of(path, directory);
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "socket");
  bool connected =
      address && connect(socket.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) == 0;
  if (!connected) return fail(Kind::kNotFound, cat("nobody keeps it: ", quote(path), " has no listener"));
  if (send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL) < 0)
    return fail_errno(errno, cat("ask the keeper at ", quote(path)));
  return socket;
}

Result<std::string> hear_keeper(int socket) {
  char answer[kLargestPacket];
  ssize_t size = 0;
  do {
    size = recv(socket, answer, sizeof answer, 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno(errno, "hear from the keeper");
  if (size == 0) return fail(Kind::kNotFound, "the keeper ended without an answer");
  std::string_view text(answer, static_cast<size_t>(size));
  if (text.starts_with("error ")) return fail(Kind::kState, std::string(text.substr(6)));
  return std::string(text);
}

Result<std::string> ask_keeper(const std::string& path, std::string_view words) {
  TRY_ASSIGN(UniqueFd socket, tell_keeper(path, words));
  return hear_keeper(socket.get());
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    size_t end = std::min(text.find(' '), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace shoji
