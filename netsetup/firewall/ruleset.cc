#include "netsetup/firewall/ruleset.h"

#include "netsetup/firewall/nft_words.h"

namespace shoji::net {

namespace {

// Sets and maps, in the order of their use. The two families have their own, since an element has one type.
constexpr std::string_view kSets = R"(
  set ours4 { type ipv4_addr; flags interval; auto-merge; }
  set ours6 { type ipv6_addr; flags interval; auto-merge; }
  set nat4 { type ipv4_addr; flags interval; auto-merge; }
  set nat6 { type ipv6_addr; flags interval; auto-merge; }
  set internal4 { type ipv4_addr; flags interval; auto-merge; }
  set internal6 { type ipv6_addr; flags interval; auto-merge; }
  set isolated4 { type ipv4_addr; flags interval; auto-merge; }
  set isolated6 { type ipv6_addr; flags interval; auto-merge; }
  set same4 { type ipv4_addr . ipv4_addr; flags interval; }
  set same6 { type ipv6_addr . ipv6_addr; flags interval; }
  map published4 { typeof ip daddr . meta l4proto . th dport : ip daddr . th dport; }
  map published6 { typeof ip6 daddr . meta l4proto . th dport : ip6 daddr . th dport; }
  map everywhere4 { typeof meta l4proto . th dport : ip daddr . th dport; }
  map everywhere6 { typeof meta l4proto . th dport : ip6 daddr . th dport; }
  map services4 { typeof ip daddr . meta l4proto . th dport : verdict; }
  map services6 { typeof ip6 daddr . meta l4proto . th dport : verdict; }
  map services_everywhere { typeof meta nfproto . meta l4proto . th dport : verdict; }
  map access_to4 { typeof ip daddr : verdict; }
  map access_to6 { typeof ip6 daddr : verdict; }
  map access_from4 { typeof ip saddr : verdict; }
  map access_from6 { typeof ip6 saddr : verdict; }
)";

// Order: services before single ports, named addresses before all of them. `ct status dnat` in the filter says that the
// packet came by a published port: then it may enter an isolated or internal network, if the partition's own rules let it.
// Hairpin (a partition reaches its own network through a published port) and the host's own 127.0.0.1 need the answer
// to come back through here, so those two are masqueraded; every other source address is preserved.
constexpr std::string_view kChains = R"(
  chain publish {
    ip daddr . meta l4proto . th dport vmap @services4
    ip6 daddr . meta l4proto . th dport vmap @services6
    meta nfproto . meta l4proto . th dport vmap @services_everywhere
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @published4
    meta l4proto { tcp, udp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @everywhere4
    meta l4proto { tcp, udp } dnat ip6 to meta l4proto . th dport map @everywhere6
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat ip saddr . ip daddr @same4 masquerade
    ct status dnat ip6 saddr . ip6 daddr @same6 masquerade
    ct status dnat ip saddr 127.0.0.0/8 masquerade
    ip saddr @nat4 ip daddr != @ours4 masquerade
    ip6 saddr @nat6 ip6 daddr != @ours6 masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ip daddr vmap @access_to4
    ip6 daddr vmap @access_to6
    ip saddr vmap @access_from4
    ip6 saddr vmap @access_from6
    ct status dnat accept
    ip saddr . ip daddr @same4 accept
    ip6 saddr . ip6 daddr @same6 accept
    ip saddr @internal4 drop
    ip6 saddr @internal6 drop
    ip daddr @internal4 drop
    ip6 daddr @internal6 drop
    ip saddr @isolated4 ip daddr @ours4 drop
    ip6 saddr @isolated6 ip6 daddr @ours6 drop
    ip daddr @isolated4 ip saddr @ours4 drop
    ip6 daddr @isolated6 ip6 saddr @ours6 drop
  }
)";

// The elements of a published port: the same key adds and, without its value, removes it.
std::string port_elements(std::string_view verb, const PublishedPort& port, const Address& target) {
  std::string out;
  Family family = target.family();
  if (port.host && port.host->family() != family) return out;
  bool adds = verb == "add";
  for (unsigned i = 0; i < port.count; ++i) {
    std::string key = cat(protocol_name(port.protocol), " . ", port.port + i);
    if (port.host) key = cat(port.host->text(), " . ", key);
    std::string value = adds ? cat(" : ", host_and_port(target, port.target + i)) : "";
    out += element(verb, cat(port.host ? "published" : "everywhere", digit(family)), key + value);
  }
  return out;
}

std::string access_rule(const AccessRule& rule) {
  std::string out = "    ";
  if (rule.peer)
    out += cat(word4or6(rule.peer->address.family(), "ip ", "ip6 "), rule.incoming ? "saddr " : "daddr ",
               Prefix{rule.peer->first(), rule.peer->length}.text(), ' ');
  if (rule.protocol) out += cat("meta l4proto ", protocol_name(*rule.protocol), ' ');
  if (rule.first_port != 0) {
    out += rule.protocol ? "" : "meta l4proto { tcp, udp } ";
    out += cat("th dport ", rule.first_port, rule.last_port > rule.first_port ? cat('-', rule.last_port) : "",
               ' ');
  }
  return cat(out, rule.allow ? "return\n" : "drop\n");
}

bool has_rules(const FirewallEndpoint& endpoint, bool incoming) {
  for (const AccessRule& rule : endpoint.rules)
    if (rule.incoming == incoming) return true;
  return false;
}

// "to_sj0a070002": named after the interface, which nobody else has.
std::string access_chain(const FirewallEndpoint& endpoint, bool incoming) {
  return cat(incoming ? "to_" : "from_", endpoint.host_interface);
}

std::string access_added(const FirewallEndpoint& endpoint, bool incoming) {
  if (!has_rules(endpoint, incoming)) return {};
  std::string chain = access_chain(endpoint, incoming);
  std::string out = cat("table ", kTable, " {\n  chain ", chain, " {\n");
  // In their order, the families among each other: the first one that fits counts.
  for (const AccessRule& rule : endpoint.rules)
    if (rule.incoming == incoming) out += access_rule(rule);
  out += "  }\n}\n";
  for (const Address& address : endpoint.addresses)
    out += element("add", cat(incoming ? "access_to" : "access_from", digit(address.family())),
                   cat(address.text(), " : jump ", chain));
  return out;
}

std::string access_removed(const FirewallEndpoint& endpoint, bool incoming) {
  if (!has_rules(endpoint, incoming)) return {};
  std::string out;
  for (const Address& address : endpoint.addresses)
    out += element("delete", cat(incoming ? "access_to" : "access_from", digit(address.family())),
                   address.text());
  return cat(out, "delete chain ", kTable, ' ', access_chain(endpoint, incoming), '\n');
}

// The address that IPv6 gives the interface by itself from its MAC (RFC 4291, appendix A).
Address link_local(const Mac& mac) {
  const uint8_t* m = mac.bytes.data();
  const uint8_t bytes[16] = {0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<uint8_t>(m[0] ^ 2U),
                             m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return Address::from_bytes(Family::kIpv6, bytes);
}

std::string guard_name(const FirewallEndpoint& endpoint) {
  return cat("guard_", endpoint.host_interface);
}

std::string hexadecimal(const Address& address) {
  std::string out = "0x";
  for (size_t i = 0; i < address.size(); ++i) {
    unsigned byte = address.bytes()[i];
    out += {"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
  }
  return out;
}

// Neighbour discovery that says what is not so (RFC 4861): who is at somebody else's address, and where the way out is.
// The target of an advertisement lies behind 8 bytes; nft has had a name for it since 1.0.8 only.
std::string false_neighbours(const std::vector<Address>& own) {
  std::string out =
      "    icmpv6 type nd-router-advert drop\n    icmpv6 type nd-redirect drop\n"
      "    icmpv6 type nd-neighbor-advert";
  for (const Address& address : own) out += cat(" @th,64,128 != ", hexadecimal(address));
  return out + " drop\n";
}

// At the netdev ingress hook, where neither a bridge nor routing has seen the packet: a partition sends from its own MAC
// and addresses only. Duplicate address detection and router solicitation come from `::`.
std::string guard_added(const FirewallEndpoint& endpoint) {
  std::string out =
      cat("table netdev shoji {\n  chain ", guard_name(endpoint),
          " {\n    type filter hook ingress device \"", endpoint.host_interface,
          "\" priority -500; policy drop;\n    ether saddr != ", endpoint.mac.text(), " drop\n");
  std::vector<Address> six;
  for (const Address& address : endpoint.addresses) {
    if (address.family() == Family::kIpv4)
      out += cat("    ip saddr ", address.text(), " accept\n    arp saddr ether ", endpoint.mac.text(),
                 " arp saddr ip ", address.text(), " accept\n");
    else
      six.push_back(address);
  }
  if (!six.empty()) {
    six.push_back(link_local(endpoint.mac));
    out += false_neighbours(six);
    for (const Address& address : six) out += cat("    ip6 saddr ", address.text(), " accept\n");
    out +=
        "    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld2-listener-report } "
        "accept\n";
  }
  return out + "  }\n}\n";
}

}  // namespace

// Each set by one command: nft 1.0.6 merges the adjacent prefixes of several commands of a transaction wrongly (ENOENT).
std::string network_elements(const std::vector<FirewallNetwork>& networks) {
  constexpr std::string_view kNames[] = {"ours", "nat", "internal", "isolated", "same"};
  std::string out;
  for (size_t i = 0; i < std::size(kNames); ++i)
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      std::string set = cat(kNames[i], digit(family));
      out += cat("flush set ", kTable, ' ', set, '\n');
      std::string elements;
      for (const FirewallNetwork& network : networks) {
        const bool belongs[] = {true, network.nat && !network.internal, network.internal, network.isolated,
                                true};
        for (const Prefix& prefix : network.subnets) {
          if (!belongs[i] || prefix.address.family() != family) continue;
          std::string text = prefix.text();
          elements += cat(elements.empty() ? "" : ", ", text, kNames[i] == "same" ? cat(" . ", text) : "");
        }
      }
      if (!elements.empty()) out += element("add", set, elements);
    }
  return out;
}

std::string base_ruleset(const std::vector<FirewallNetwork>& networks) {
  // `table` and then `delete table`: nft has no "delete if it is there" before 1.0.7.
  std::string out =
      cat("table ", kTable, "\ndelete table ", kTable, "\ntable netdev shoji\ndelete table netdev shoji\n");
  out += cat("table ", kTable, " {\n  comment \"", kRulesetVersion, "\"", kSets, kChains,
             "}\ntable netdev shoji {\n}\n");
  return out + network_elements(networks);
}

std::string endpoint_added(const FirewallEndpoint& endpoint) {
  std::string out = guard_added(endpoint) + access_added(endpoint, true) + access_added(endpoint, false);
  for (const PublishedPort& port : endpoint.ports)
    for (const Address& address : endpoint.addresses) out += port_elements("add", port, address);
  return out;
}

std::string endpoint_removed(const FirewallEndpoint& endpoint) {
  std::string out;
  for (const PublishedPort& port : endpoint.ports)
    for (const Address& address : endpoint.addresses) out += port_elements("delete", port, address);
  out += access_removed(endpoint, true) + access_removed(endpoint, false);
  return cat(out, "delete chain netdev shoji ", guard_name(endpoint), '\n');
}

}  // namespace shoji::net
