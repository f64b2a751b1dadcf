#include "netsetup/ports/listener.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

#include "base/io.h"

namespace shoji::net {

namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

socklen_t socket_address(const Address& address, uint16_t port, sockaddr_storage& out) {
  if (address.family() == Family::kIpv4) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    memcpy(&four.sin_addr, address.bytes(), sizeof four.sin_addr);
    memcpy(&out, &four, sizeof four);
    return sizeof four;
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  memcpy(&six.sin6_addr, address.bytes(), sizeof six.sin6_addr);
  memcpy(&out, &six, sizeof six);
  return sizeof six;
}

// Whether bind(2) finds the port busy. Addresses that the host does not have (yet) are nobody's (IP_FREEBIND, ip(7)).
bool is_busy(const Address& address, uint16_t port, Protocol protocol) {
  bool ipv6 = address.family() == Family::kIpv6;
  int type = protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd probe(socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  if (!probe) return false;
  int one = 1;
  setsockopt(probe.get(), ipv6 ? SOL_IPV6 : SOL_IP, ipv6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof one);
  if (ipv6) setsockopt(probe.get(), SOL_IPV6, IPV6_V6ONLY, &one, sizeof one);
  // Connections that are over do not hold a TCP port; a UDP port could be shared.
  if (protocol == Protocol::kTcp) setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_storage where{};
  socklen_t size = socket_address(address, port, where);
  return bind(probe.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 && errno == EADDRINUSE;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    size_t end = std::min(line.find(' '), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return out;
}

uint32_t hex(std::string_view text) {
  uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// "0100007F" or 32 digits: words of four bytes in the order of the host.
Address table_address(std::string_view digits) {
  uint8_t bytes[16] = {};
  for (size_t i = 0; i + 8 <= digits.size() && i < 32; i += 8) {
    uint32_t word = hex(digits.substr(i, 8));
    memcpy(bytes + i / 2, &word, sizeof word);
  }
  return Address::from_bytes(digits.size() > 8 ? Family::kIpv6 : Family::kIpv4, bytes);
}

bool is_mapped(const Address& address) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.family() == Family::kIpv6 && memcmp(address.bytes(), kMapped, sizeof kMapped) == 0;
}

// Whether a socket on `bound` takes what goes to `wanted`. [::] takes IPv4 as well; one that is IPv6 alone leaves the
// IPv4 port free, so that bind(2) has not found it busy.
bool takes(const Address& bound, Family family, const std::optional<Address>& wanted) {
  bool mapped = is_mapped(bound);
  Address address = mapped ? Address::from_bytes(Family::kIpv4, bound.bytes() + 12) : bound;
  if (address.is_unspecified()) return address.family() == family || address.family() == Family::kIpv6;
  return address.family() == family && (!wanted || *wanted == address);
}

// The inode of the socket that listens; "" when there is none in this table. Columns: sl, local address, remote address,
// state, tx:rx, tr:when, retransmits, uid, timeout, inode.
std::string listening_inode(const std::string& table, Family family, const std::optional<Address>& wanted,
                            uint16_t port, Protocol protocol) {
  Result<std::string> text = read_file(table);
  if (!text) return {};
  constexpr uint32_t kListen = 10;  // TCP_LISTEN
  std::string_view rest = *text;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    std::vector<std::string_view> words = words_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (words.size() < 10) continue;
    size_t colon = words[1].find(':');
    size_t remote = words[2].find(':');
    if (colon == std::string_view::npos || remote == std::string_view::npos) continue;
    if (hex(words[1].substr(colon + 1)) != port) continue;
    bool listens =
        protocol == Protocol::kTcp ? hex(words[3]) == kListen : hex(words[2].substr(remote + 1)) == 0;
    if (listens && takes(table_address(words[1].substr(0, colon)), family, wanted))
      return std::string(words[9]);
  }
  return {};
}

bool has_socket(const std::string& process, const std::string& target) {
  std::string path = cat("/proc/", process, "/fd");
  Directory files(opendir(path.c_str()), closedir);
  if (!files) return false;
  while (const dirent* entry = readdir(files.get())) {
    char link[64];
    ssize_t size = readlinkat(dirfd(files.get()), entry->d_name, link, sizeof link);
    if (size > 0 && std::string_view(link, static_cast<size_t>(size)) == target) return true;
  }
  return false;
}

std::string holder_of(const std::string& inode) {
  std::string target = cat("socket:[", inode, ']');
  Directory processes(opendir("/proc"), closedir);
  while (const dirent* entry = processes ? readdir(processes.get()) : nullptr) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || !has_socket(entry->d_name, target)) continue;
    std::string name = read_file(cat("/proc/", entry->d_name, "/comm"), 64).value_or("?");
    while (name.ends_with('\n')) name.pop_back();
    return cat("process ", quote(name), " (pid ", entry->d_name, ')');
  }
  return "a process that this user does not see";
}

}  // namespace

std::optional<std::string> who_listens(Family family, const std::optional<Address>& address, uint16_t port,
                                       Protocol protocol) {
  constexpr uint8_t kZeros[16] = {};
  if (!is_busy(address.value_or(Address::from_bytes(family, kZeros)), port, protocol)) return std::nullopt;
  // A port that only an own connection to elsewhere uses is busy as well, but nobody listens there.
  for (std::string_view suffix : {"", "6"}) {
    std::string table = cat("/proc/thread-self/net/", protocol_name(protocol), suffix);
    std::string inode = listening_inode(table, family, address, port, protocol);
    if (!inode.empty()) return holder_of(inode);
  }
  return std::nullopt;
}

}  // namespace shoji::net
