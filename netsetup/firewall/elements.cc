#include "netsetup/firewall/elements.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "netsetup/firewall/nft_words.h"

namespace shoji::net {

namespace {

// The address that IPv6 gives the interface by itself from its MAC (RFC 4291, appendix A).
Address link_local(const Mac& mac) {
  const uint8_t* m = mac.bytes.data();
  const uint8_t bytes[16] = {0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<uint8_t>(m[0] ^ 2U),
                             m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return Address::from_bytes(Family::kIpv6, bytes);
}

std::string set_of(std::string_view name, Family family) {
  return cat(name, digit(family));
}

// What its packets may come from. On a bridge and behind a routed interface different hooks see them: both know it, and
// an interface name is on one of the two only.
void add_guard(const FirewallEndpoint& endpoint, std::vector<Element>& out) {
  std::vector<Address> own = endpoint.addresses;
  if (std::ranges::any_of(own, [](const Address& one) { return one.family() == Family::kIpv6; }))
    own.push_back(link_local(endpoint.mac));
  auto on_interface = [&] {
    Fields key;
    key.add_interface(endpoint.host_interface);
    return key;
  };
  for (Table table : {Table::kInet, Table::kBridge}) {
    out.push_back({.table = table, .set = "guarded", .key = on_interface(), .value = {}, .jump = {}});
    out.push_back(
        {.table = table, .set = "macs", .key = on_interface().add(endpoint.mac), .value = {}, .jump = {}});
    for (const Address& address : own) {
      out.push_back({.table = table,
                     .set = set_of("senders", address.family()),
                     .key = on_interface().add(endpoint.mac).add(address),
                     .value = {},
                     .jump = {}});
      if (address.family() == Family::kIpv6)
        out.push_back({.table = table,
                       .set = "told6",
                       .key = on_interface().add_raw(address),
                       .value = {},
                       .jump = {}});
    }
  }
}

void add_port(const PublishedPort& port, const Address& target, std::vector<Element>& out) {
  Family family = target.family();
  if (port.host && port.host->family() != family) return;
  for (unsigned i = 0; i < port.count; ++i) {
    Fields key, value;
    if (port.host) key.add(*port.host);
    key.add(port.protocol).add_port(port.port + i);
    value.add(target).add_port(port.target + i);
    out.push_back({.table = Table::kInet,
                   .set = set_of(port.host ? "published" : "everywhere", family),
                   .key = std::move(key),
                   .value = std::move(value),
                   .jump = {}});
  }
}

std::vector<AccessMatch> matches_of(const FirewallEndpoint& endpoint, bool incoming) {
  std::vector<AccessMatch> out;
  for (const AccessRule& rule : endpoint.rules) {
    if (rule.incoming != incoming) continue;
    AccessMatch match{.allow = rule.allow,
                      .incoming = incoming,
                      .peer = rule.peer,
                      .protocol = rule.protocol,
                      .first_port = rule.first_port,
                      .last_port = std::max(rule.first_port, rule.last_port)};
    if (match.peer) match.peer->address = match.peer->first();
    if (rule.first_port == 0 || rule.protocol) {
      out.push_back(match);
      continue;
    }
    for (Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
      match.protocol = protocol;
      out.push_back(match);
    }
  }
  return out;
}

}  // namespace

std::string_view table_name(Table table) {
  constexpr std::string_view kNames[] = {"inet shoji", "bridge shoji", "netdev shoji"};
  return kNames[static_cast<size_t>(table)];
}

uint8_t table_family(Table table) {
  constexpr uint8_t kFamilies[] = {NFPROTO_INET, NFPROTO_BRIDGE, NFPROTO_NETDEV};
  return kFamilies[static_cast<size_t>(table)];
}

Fields& Fields::add(std::string_view words, const void* value, size_t size) {
  if (!text.empty()) text += " . ";
  text += words;
  const auto* first = static_cast<const uint8_t*>(value);
  bytes.insert(bytes.end(), first, first + size);
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return *this;
}

Fields& Fields::add(const Address& address) {
  return add(address.text(), address.bytes(), address.size());
}
Fields& Fields::add(const Mac& mac) {
  return add(mac.text(), mac.bytes.data(), mac.bytes.size());
}
Fields& Fields::add(Protocol protocol) {
  uint8_t number = protocol == Protocol::kTcp ? IPPROTO_TCP : IPPROTO_UDP;
  return add(protocol_name(protocol), &number, sizeof number);
}
Fields& Fields::add_port(unsigned port) {
  uint16_t number = htons(static_cast<uint16_t>(port));
  return add(cat(port), &number, sizeof number);
}
Fields& Fields::add_interface(std::string_view name) {
  char field[IFNAMSIZ] = {};
  memcpy(field, name.data(), std::min(name.size(), sizeof field - 1));
  return add(cat('"', name, '"'), field, sizeof field);
}
Fields& Fields::add_number(std::string_view word, uint8_t number) {
  return add(word, &number, sizeof number);
}
Fields& Fields::add_slot(uint32_t slot) {
  return add(cat(slot), &slot, sizeof slot);
}
Fields& Fields::add_raw(const Address& address) {
  std::string number = "0x";
  for (size_t i = 0; i < address.size(); ++i) {
    number += "0123456789abcdef"[address.bytes()[i] >> 4U];
    number += "0123456789abcdef"[address.bytes()[i] & 15U];
  }
  return add(number, address.bytes(), address.size());
}

std::string print_access_match(const AccessMatch& match) {
  std::string out;
  if (match.peer)
    out += cat(word4or6(match.peer->address.family(), "ip ", "ip6 "), match.incoming ? "saddr " : "daddr ",
               match.peer->text(), ' ');
  if (match.protocol) out += cat("meta l4proto ", protocol_name(*match.protocol), ' ');
  if (match.first_port != 0)
    out += cat("th dport ", match.first_port,
               match.last_port > match.first_port ? cat('-', match.last_port) : "", ' ');
  return cat(out, match.allow ? "return" : "drop");
}

std::vector<AccessChain> access_chains(const FirewallEndpoint& endpoint) {
  std::vector<AccessChain> out;
  for (bool incoming : {true, false}) {
    std::vector<AccessMatch> matches = matches_of(endpoint, incoming);
    // Named after the interface, which nobody else has.
    if (!matches.empty())
      out.push_back({cat(incoming ? "to_" : "from_", endpoint.host_interface), std::move(matches)});
  }
  return out;
}

std::vector<Element> endpoint_elements(const FirewallEndpoint& endpoint) {
  std::vector<Element> out;
  // Without an interface of the host (macvlan) there is nothing to guard, and nothing passes through the host.
  if (!endpoint.host_interface.empty()) add_guard(endpoint, out);
  for (const AccessChain& chain : access_chains(endpoint))
    for (const Address& address : endpoint.addresses) {
      Fields key;
      key.add(address);
      out.push_back({.table = Table::kInet,
                     .set = set_of(chain.matches[0].incoming ? "access_to" : "access_from", address.family()),
                     .key = std::move(key),
                     .value = {},
                     .jump = chain.name});
    }
  for (const PublishedPort& port : endpoint.ports)
    for (const Address& address : endpoint.addresses) add_port(port, address, out);
  return out;
}

}  // namespace shoji::net
