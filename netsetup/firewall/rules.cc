#include "netsetup/firewall/rules.h"

#include <charconv>

namespace shoji::net {

namespace {

struct PortRange {
  uint16_t first = 0, count = 1;
};

Result<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(Kind::kInvalid, cat(quote(text), " is not a port between 1 and 65535"));
  return port;
}

Result<PortRange> parse_ports(std::string_view text) {
  size_t dash = text.find('-');
  PortRange out;
  TRY_ASSIGN(out.first, parse_port(text.substr(0, dash)));
  if (dash == std::string_view::npos) return out;
  TRY_ASSIGN(uint16_t last, parse_port(text.substr(dash + 1)));
  if (last < out.first) return fail(Kind::kInvalid, cat("the range ", quote(text), " ends before it begins"));
  if (last - out.first == 65534)
    return fail(Kind::kInvalid, cat("the range ", quote(text), " is every port of the host"));
  out.count = static_cast<uint16_t>(last - out.first + 1);
  return out;
}

// The words between colons, with an address in brackets as one of them.
Result<std::vector<std::string_view>> split(std::string_view text) {
  std::vector<std::string_view> out;
  if (text.starts_with('[')) {
    size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || bracket + 1 >= text.size() || text[bracket + 1] != ':')
      return fail(Kind::kInvalid, "an address in brackets is followed by a colon and a port");
    out.push_back(text.substr(1, bracket - 1));
    text.remove_prefix(bracket + 2);
  }
  while (true) {
    size_t colon = text.find(':');
    out.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return out;
    text.remove_prefix(colon + 1);
  }
}

Result<PublishedPort> parse(std::string_view text) {
  PublishedPort out;
  size_t slash = text.rfind('/');
  if (slash != std::string_view::npos) {
    std::string_view name = text.substr(slash + 1);
    if (name != "tcp" && name != "udp")
      return fail(Kind::kInvalid, cat(quote(name), " is neither tcp nor udp"));
    out.protocol = name == "udp" ? Protocol::kUdp : Protocol::kTcp;
    text = text.substr(0, slash);
  }
  TRY_ASSIGN(std::vector<std::string_view> words, split(text));
  if (words.size() < 2 || words.size() > 3)
    return fail(Kind::kInvalid, "expected [HOSTIP:]PORT[-PORT]:PORT[-PORT][/tcp|udp]");
  if (words.size() == 3) {
    TRY_ASSIGN(Address host, Address::parse(words[0]));
    if (host.family() == Family::kIpv6 && host.is_loopback())
      return fail(Kind::kUnsupported,
                  "the kernel does not route from [::1] to other hosts: publish on 127.0.0.1 or on an "
                  "address of the host");
    if (!host.is_unspecified()) out.host = host;
  }
  TRY_ASSIGN(PortRange outside, parse_ports(words[words.size() - 2]));
  TRY_ASSIGN(PortRange inside, parse_ports(words.back()));
  // docker and podman: a range of the host may name the first port inside, or as many.
  if (inside.count != 1 && inside.count != outside.count)
    return fail(Kind::kInvalid, cat("the ranges have ", outside.count, " and ", inside.count, " ports"));
  if (inside.first + outside.count - 1 > 65535)
    return fail(Kind::kInvalid, "the range inside ends above 65535");
  out.port = outside.first;
  out.count = outside.count;
  out.target = inside.first;
  return out;
}

}  // namespace

std::string_view protocol_name(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

Result<PublishedPort> parse_published_port(std::string_view text) {
  Result<PublishedPort> out = parse(text);
  if (!out) return Failure(within(cat("published port ", quote(text)), out.error()));
  return out;
}

std::string print_published_port(const PublishedPort& port) {
  std::string out;
  if (port.host)
    out = port.host->family() == Family::kIpv6 ? cat('[', port.host->text(), "]:")
                                               : cat(port.host->text(), ':');
  auto range = [&](uint16_t first) {
    return port.count == 1 ? cat(first) : cat(first, '-', first + port.count - 1);
  };
  return cat(out, range(port.port), ':', range(port.target), '/', protocol_name(port.protocol));
}

}  // namespace shoji::net
