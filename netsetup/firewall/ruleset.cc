#include "netsetup/firewall/ruleset.h"

#include <map>

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

// Who may send what: of its own interface, MAC and addresses (senders), and in neighbour advertisements only of its own
// addresses (told6; nft 1.0.6 has no word for where that one lies).
constexpr std::string_view kGuardSets = R"(
  set guarded { type ifname; }
  set macs { type ifname . ether_addr; }
  set senders4 { type ifname . ether_addr . ipv4_addr; }
  set senders6 { type ifname . ether_addr . ipv6_addr; }
  set told6 { typeof iifname . @th,64,128; }
)";

// Before bridge and routing have seen the packet. Duplicate address detection comes from `::`. Who is no router advertises
// none (RFC 6105), and nobody need ask for one: partitions are told their gateways, and a thousand that ask at once would
// fill the host's table of neighbours. A frame with a VLAN tag is none of these protocols here, and is dropped.
constexpr std::string_view kRoutedGuard = R"(
  chain guard {
    iifname . ether saddr . ip saddr @senders4 accept
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-redirect } drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @told6 drop
    iifname . ether saddr . ip6 saddr @senders6 accept
    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } iifname . ether saddr @macs accept
    drop
  }
  chain raw_prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname @guarded goto guard
  }
)";
// The first rule alone is what IPv4 packets of partitions meet.
constexpr std::string_view kBridgeGuard = R"(
  chain guard {
    iifname . ether saddr . arp saddr ip @senders4 iifname . arp saddr ether . arp saddr ip @senders4 accept
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-redirect } drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @told6 drop
    iifname . ether saddr . ip6 saddr @senders6 accept
    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } iifname . ether saddr @macs accept
    drop
  }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname . ether saddr . ip saddr @senders4 accept
    iifname @guarded goto guard
  }
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

std::string tables_removed(std::initializer_list<Table> tables) {
  // An empty declaration before it makes deleting what is not there no error: nft has no word for that before 1.0.7.
  std::string out;
  for (Table table : tables)
    out += cat("table ", table_name(table), "\ndelete table ", table_name(table), '\n');
  return out;
}

std::string base_ruleset(const std::vector<FirewallNetwork>& networks) {
  std::string comment = cat(" {\n  comment \"", kRulesetVersion, "\"");
  return cat(tables_removed({Table::kInet, Table::kBridge}), "table ", table_name(Table::kInet), comment,
             kSets, kGuardSets, kRoutedGuard, kChains, "}\ntable ", table_name(Table::kBridge), comment,
             kGuardSets, kBridgeGuard, "}\n", network_elements(networks));
}

std::string print_endpoints(const std::vector<FirewallEndpoint>& endpoints) {
  std::string chains;
  // nft reads one long list far faster than many commands.
  std::map<std::pair<Table, std::string>, std::string> lists;
  for (const FirewallEndpoint& endpoint : endpoints) {
    for (const AccessChain& chain : access_chains(endpoint)) {
      chains += cat("  chain ", chain.name, " {\n");
      for (const AccessMatch& match : chain.matches) chains += cat("    ", print_access_match(match), '\n');
      chains += "  }\n";
    }
    for (const Element& one : endpoint_elements(endpoint)) {
      std::string& list = lists[{one.table, one.set}];
      list += cat(list.empty() ? "" : ", ", one.key.text);
      if (!one.value.text.empty()) list += cat(" : ", one.value.text);
      if (!one.jump.empty()) list += cat(" : jump ", one.jump);
    }
  }
  std::string out;
  if (!chains.empty()) out = cat("table ", table_name(Table::kInet), " {\n", chains, "}\n");
  for (const auto& [where, list] : lists)
    out += cat("add element ", table_name(where.first), ' ', where.second, " { ", list, " }\n");
  return out;
}

}  // namespace shoji::net
