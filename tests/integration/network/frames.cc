#include "tests/integration/network/frames.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/catch.h"
#include "tests/integration/wait.h"
#include "tests/netsetup/namespaces.h"

namespace shoji::test {

namespace {

using net::Address;
using net::Family;

constexpr std::string_view kMarkStart = "<mark:";
constexpr uint8_t kUdp = 17, kIcmp6 = 58;
constexpr uint8_t kNeighbourAdvertisement = 136, kRouterAdvertisement = 134;  // RFC 4861

std::string two(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}
std::string mac_bytes(const std::string& text) {
  if (text == kEveryone) return std::string(6, '\xff');
  // Mac::parse() takes unicast ones only; 33:33:... is IPv6 multicast.
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 3)
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return out;
}
std::string address_bytes(const std::string& text) {
  Address address = *Address::parse(text);
  return {reinterpret_cast<const char*>(address.bytes()), address.size()};
}
std::string marked(const std::string& mark) {
  return std::string(kMarkStart) + mark + ">";
}
std::string ethernet(const std::string& to, const std::string& from, unsigned type) {
  return mac_bytes(to) + mac_bytes(from) + two(type);
}

// RFC 1071. The kernel looks at it wherever a packet is routed, or bridged with bridge netfilter.
unsigned checksum(const std::string& data) {
  unsigned sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += static_cast<uint8_t>(data[i]) << (i % 2 == 0 ? 8U : 0U);
  while (sum >> 16U) sum = (sum & 0xffffU) + (sum >> 16U);
  return ~sum & 0xffffU;
}

std::string ipv4(const std::string& source, const std::string& destination, const std::string& payload) {
  std::string head = two(0x4500) + two(static_cast<unsigned>(20 + payload.size())) + two(1) + two(0);
  head += {64, static_cast<char>(kUdp)};
  std::string ends = address_bytes(source) + address_bytes(destination);
  return head + two(checksum(head + two(0) + ends)) + ends + payload;
}

std::string ipv6(const std::string& source, const std::string& destination, uint8_t next, std::string payload,
                 size_t checksum_at) {
  std::string ends = address_bytes(source) + address_bytes(destination);
  std::string size = two(static_cast<unsigned>(payload.size()));
  std::string pseudo = ends + two(0) + size + two(0) + two(next);
  payload.replace(checksum_at, 2, two(checksum(pseudo + payload)));
  // RFC 4861: neighbour discovery is valid with hop limit 255 only.
  return two(0x6000) + two(0) + size + std::string{static_cast<char>(next), '\xff'} + ends + payload;
}

std::string icmp6_frame(const std::string& to, const std::string& from, const std::string& source,
                        std::string body, const std::string& mark) {
  // The mark is an option of a type that nobody knows; its length counts in units of 8 bytes.
  std::string option = marked(mark);
  option.resize((option.size() + 2 + 7) / 8 * 8 - 2, '.');
  body += std::string{'\xfd', static_cast<char>((option.size() + 2) / 8)} + option;
  return ethernet(to, from, ETH_P_IPV6) + ipv6(source, "ff02::1", kIcmp6, body, 2);
}

}  // namespace

std::string ip_frame(const std::string& to, const std::string& from, const std::string& destination,
                     const std::string& source, const std::string& mark) {
  std::string data = marked(mark);
  std::string udp = two(4000) + two(4000) + two(static_cast<unsigned>(8 + data.size())) + two(0) + data;
  if (Address::parse(source)->family() == Family::kIpv4)
    return ethernet(to, from, ETH_P_IP) + ipv4(source, destination, udp);
  return ethernet(to, from, ETH_P_IPV6) + ipv6(source, destination, kUdp, udp, 6);
}

std::string arp_frame(const std::string& to, const std::string& from, const std::string& address,
                      const std::string& mac, const std::string& mark) {
  return ethernet(to, from, ETH_P_ARP) + two(1) + two(ETH_P_IP) + std::string{6, 4} + two(2) +
         mac_bytes(mac) + address_bytes(address) + mac_bytes(to) + address_bytes(address) + marked(mark);
}

std::string neighbour_frame(const std::string& to, const std::string& from, const std::string& source,
                            const std::string& target, const std::string& mac, const std::string& mark) {
  std::string body = {static_cast<char>(kNeighbourAdvertisement), 0, 0, 0, '\x20', 0, 0, 0};  // override
  body += address_bytes(target) + std::string{2, 1} + mac_bytes(mac);
  return icmp6_frame(to, from, source, body, mark);
}

std::string router_frame(const std::string& to, const std::string& from, const std::string& source,
                         const std::string& mark) {
  std::string body = {static_cast<char>(kRouterAdvertisement), 0, 0, 0, 64, 0, 7, 8};
  body += std::string(8, '\0');
  return icmp6_frame(to, from, source, body, mark);
}

Wire::Wire(int netns, const std::string& interface)
    : socket_(inside(netns,
                     [] { return UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))); })) {
  REQUIRE(socket_);
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  REQUIRE(ioctl(socket_.get(), SIOCGIFHWADDR, &request) == 0);
  net::Mac mac;
  for (size_t i = 0; i < 6; ++i) mac.bytes[i] = static_cast<uint8_t>(request.ifr_hwaddr.sa_data[i]);
  mac_ = mac.text();
  REQUIRE(ioctl(socket_.get(), SIOCGIFINDEX, &request) == 0);
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(ETH_P_ALL);
  where.sll_ifindex = request.ifr_ifindex;
  REQUIRE(bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
}

void Wire::send(const std::string& frame) const {
  REQUIRE(::send(socket_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
}

std::set<std::string> Wire::marks_until(const std::string& last) const {
  std::set<std::string> out;
  double deadline = now() + 2 * time_factor();
  while (!out.contains(last) && now() < deadline) {
    pollfd p{socket_.get(), POLLIN, 0};
    if (poll(&p, 1, 50) != 1) continue;
    char frame[2048];
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(socket_.get(), frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    std::string_view text(frame, static_cast<size_t>(n));
    size_t start = text.find(kMarkStart);
    if (start == std::string_view::npos) continue;
    start += kMarkStart.size();
    out.insert(std::string(text.substr(start, text.find('>', start) - start)));
  }
  return out;
}

}  // namespace shoji::test
