#include "netsetup/network/free_subnet.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/io.h"

namespace shoji::net {

namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (true) {
    size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    size_t end = text.find_first_of(separators);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end);
  }
}

std::optional<uint32_t> hexadecimal(std::string_view text) {
  uint32_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return out;
}

// A default route leads everywhere; that takes nothing.
void keep(std::vector<Prefix>& out, const Address& address, unsigned length) {
  if (length == 0 || address.is_loopback() || address.is_multicast()) return;
  out.push_back({address, static_cast<uint8_t>(length)});
}

unsigned mask_length(const uint8_t* mask, size_t size) {
  unsigned out = 0;
  for (size_t i = 0; i < size; ++i) out += static_cast<unsigned>(std::popcount(mask[i]));
  return out;
}

Result<std::vector<Prefix>> interface_prefixes() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return fail_errno(errno, "list the host's addresses");
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  std::vector<Prefix> out;
  for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr == nullptr || item->ifa_netmask == nullptr) continue;
    sockaddr_in6 address{}, mask{};
    int family = item->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    size_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    memcpy(&address, item->ifa_addr, size);
    memcpy(&mask, item->ifa_netmask, size);
    size_t at = family == AF_INET ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&address) + at;
    const auto* mask_bytes = reinterpret_cast<const uint8_t*>(&mask) + at;
    Family ours = family == AF_INET ? Family::kIpv4 : Family::kIpv6;
    keep(out, Address::from_bytes(ours, bytes), mask_length(mask_bytes, ours == Family::kIpv4 ? 4 : 16));
  }
  return out;
}

struct Pool {
  uint8_t first[2], last[2];  // the first bytes, and the third: 10.89.0.0 is {10, 89}, from third byte 0
  uint8_t third = 0;
};
constexpr Pool kPools[] = {{{10, 89}, {10, 255}}, {{192, 168}, {192, 168}, 100}};

bool is_free(const Prefix& candidate, std::span<const Prefix> taken) {
  return std::ranges::none_of(taken, [&](const Prefix& prefix) { return candidate.overlaps(prefix); });
}

}  // namespace

std::vector<Prefix> parse_ipv4_routes(std::string_view text) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask ...: numbers as the host's processor has them in memory.
  std::vector<Prefix> out;
  for (std::string_view line : split(text, "\n")) {
    std::vector<std::string_view> words = split(line, " \t");
    if (words.size() < 8) continue;
    std::optional<uint32_t> destination = hexadecimal(words[1]), mask = hexadecimal(words[7]);
    if (!destination || !mask) continue;  // the headings
    uint8_t bytes[4];
    memcpy(bytes, &*destination, sizeof bytes);
    keep(out, Address::from_bytes(Family::kIpv4, bytes), static_cast<unsigned>(std::popcount(*mask)));
  }
  return out;
}

std::vector<Prefix> parse_ipv6_routes(std::string_view text) {
  // DESTINATION LENGTH SOURCE LENGTH NEXTHOP METRIC ...: all hexadecimal.
  std::vector<Prefix> out;
  for (std::string_view line : split(text, "\n")) {
    std::vector<std::string_view> words = split(line, " \t");
    if (words.size() < 2 || words[0].size() != 32) continue;
    std::optional<uint32_t> length = hexadecimal(words[1]);
    uint8_t bytes[16];
    bool valid = length && *length <= 128;
    for (size_t i = 0; valid && i < 16; ++i) {
      std::optional<uint32_t> byte = hexadecimal(words[0].substr(i * 2, 2));
      valid = byte.has_value();
      if (valid) bytes[i] = static_cast<uint8_t>(*byte);
    }
    if (valid) keep(out, Address::from_bytes(Family::kIpv6, bytes), *length);
  }
  return out;
}

Result<std::vector<Prefix>> host_prefixes() {
  TRY_ASSIGN(std::vector<Prefix> out, interface_prefixes());
  constexpr std::pair<const char*, std::vector<Prefix> (*)(std::string_view)> kFiles[] = {
      {"/proc/net/route", parse_ipv4_routes}, {"/proc/net/ipv6_route", parse_ipv6_routes}};
  for (const auto& [path, parse] : kFiles) {
    Result<std::string> text = read_file(path);
    if (!text && text.error().kind == Kind::kNotFound) continue;  // a kernel without IPv6
    if (!text) return Failure(text.error());
    std::vector<Prefix> routes = parse(*text);
    out.insert(out.end(), routes.begin(), routes.end());
  }
  return out;
}

Result<Prefix> free_ipv4_subnet(std::span<const Prefix> taken) {
  std::vector<Prefix> ipv4;
  std::ranges::copy_if(taken, std::back_inserter(ipv4),
                       [](const Prefix& prefix) { return prefix.address.family() == Family::kIpv4; });
  for (const Pool& pool : kPools) {
    unsigned last = (unsigned{pool.last[0]} << 16U) | (unsigned{pool.last[1]} << 8U) | 255U;
    for (unsigned at = (unsigned{pool.first[0]} << 16U) | (unsigned{pool.first[1]} << 8U) | pool.third;
         at <= last; ++at) {
      const uint8_t bytes[4] = {static_cast<uint8_t>(at >> 16U), static_cast<uint8_t>(at >> 8U),
                                static_cast<uint8_t>(at), 0};
      Prefix candidate{Address::from_bytes(Family::kIpv4, bytes), 24};
      if (is_free(candidate, ipv4)) return candidate;
    }
  }
  return fail(Kind::kState,
              "every /24 from 10.89.0.0 to 10.255.255.0 and from 192.168.100.0 to 192.168.255.0 overlaps a "
              "network, an address or a route of the host: name a subnet");
}

Result<Prefix> free_ipv6_subnet(std::span<const Prefix> taken) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    uint8_t bytes[16] = {0xfd};
    if (getrandom(bytes + 1, 5, 0) != 5) return fail_errno(errno, "getrandom");
    Prefix candidate{Address::from_bytes(Family::kIpv6, bytes), 64};
    if (is_free(candidate, taken)) return candidate;
  }
  return fail(Kind::kState, "a hundred subnets below fd00::/8 at random overlap the host's: name a subnet");
}

}  // namespace shoji::net
