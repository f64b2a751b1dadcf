#include "netsetup/network/network.h"

#include <algorithm>

#include "netsetup/link/requests.h"
#include "spec/field_table.h"

namespace shoji::net {

// Found by the field tables through the types' own namespace.
using namespace field_table;

Result<> read(Json value, Address& out) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  Result<Address> parsed = Address::parse(text);
  if (!parsed) return Failure(within(value.pointer(), parsed.error()));
  out = *parsed;
  return {};
}

Result<> read(Json value, Prefix& out) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  Result<Prefix> parsed = Prefix::parse(text);
  if (!parsed) return Failure(within(value.pointer(), parsed.error()));
  out = *parsed;
  return {};
}

Result<> read(Json value, NetworkKind& out) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  using enum NetworkKind;
  for (NetworkKind kind : {kBridge, kRouted, kMacvlan, kCni}) {
    if (kind_name(kind) != text) continue;
    out = kind;
    return {};
  }
  return value.unexpected("one of bridge, routed, macvlan, cni");
}

Result<> read(Json value, Subnet& out) {
  static constexpr Row kRows[] = {
      field<&Subnet::prefix>("subnet", kRequired),
      field<&Subnet::gateway>("gateway"),
      field<&Subnet::range_first>("rangeFirst"),
      field<&Subnet::range_last>("rangeLast"),
  };
  out = {};
  return load_object(value, kRows, &out, Unknown::kRefuse);
}

Result<> read(Json value, StaticRoute& out) {
  static constexpr Row kRows[] = {
      field<&StaticRoute::destination>("destination", kRequired),
      field<&StaticRoute::gateway>("gateway"),
      field<&StaticRoute::metric>("metric"),
  };
  out = {};
  return load_object(value, kRows, &out, Unknown::kRefuse);
}

namespace {

constexpr Row kRows[] = {
    field<&Network::name>("name", kRequired),
    field<&Network::kind>("kind"),
    field<&Network::subnets>("subnets"),
    field<&Network::interface>("interface"),
    field<&Network::parent>("parent"),
    field<&Network::mode>("mode"),
    field<&Network::cni>("cni"),
    field<&Network::mtu>("mtu"),
    field<&Network::nat>("nat"),
    field<&Network::internal>("internal"),
    field<&Network::isolated>("isolated"),
    field<&Network::routes>("routes"),
    field<&Network::dns>("dns"),
    field<&Network::labels>("labels"),
};

constexpr uint32_t kLeastMtu = 68;        // RFC 791
constexpr uint32_t kLeastMtuIpv6 = 1280;  // RFC 8200, section 5
constexpr uint32_t kGreatestMtu = 65535;
constexpr size_t kNameLimit = 63;

Failure invalid(std::string_view pointer, std::string_view why) {
  return fail(Kind::kInvalid, cat(pointer, ": ", why));
}

Result<> check_subnet(const Subnet& subnet, const std::string& pointer) {
  const Prefix& prefix = subnet.prefix;
  if (prefix.address != prefix.first())
    return invalid(pointer + "/subnet", cat(prefix.text(), " has bits behind its length; ",
                                            Prefix{prefix.first(), prefix.length}.text(), " is the network"));
  if (prefix.address.is_multicast() || prefix.address.is_loopback())
    return invalid(pointer + "/subnet", cat(prefix.text(), " is not for hosts"));
  if (prefix.length > prefix.address.bits() - 2)
    return invalid(pointer + "/subnet", cat(prefix.text(), " has no room for a gateway and a partition"));
  const std::pair<const char*, const std::optional<Address>*> inside[] = {
      {"/gateway", &subnet.gateway},
      {"/rangeFirst", &subnet.range_first},
      {"/rangeLast", &subnet.range_last}};
  for (const auto& [name, address] : inside)
    if (*address && !prefix.contains(**address))
      return invalid(pointer + name, cat((*address)->text(), " is not in ", prefix.text()));
  if (subnet.last_lease() < subnet.first_lease())
    return invalid(pointer + "/rangeLast",
                   cat(subnet.last_lease().text(), " comes before ", subnet.first_lease().text()));
  return {};
}

Result<> check_subnets(const Network& network) {
  for (size_t i = 0; i < network.subnets.size(); ++i) {
    TRY(check_subnet(network.subnets[i], cat("/subnets/", i)));
    for (size_t j = 0; j < i; ++j)
      if (network.subnets[i].prefix.overlaps(network.subnets[j].prefix))
        return invalid(cat("/subnets/", i, "/subnet"),
                       cat(network.subnets[i].prefix.text(), " overlaps ", network.subnets[j].prefix.text()));
  }
  return {};
}

Result<> check_mtu(const Network& network) {
  bool ipv6 = std::ranges::any_of(
      network.subnets, [](const Subnet& subnet) { return subnet.prefix.address.family() == Family::kIpv6; });
  uint32_t least = ipv6 ? kLeastMtuIpv6 : kLeastMtu;
  if (network.mtu != 0 && (network.mtu < least || network.mtu > kGreatestMtu))
    return invalid("/mtu", cat(network.mtu, " is not between ", least, " and ", kGreatestMtu));
  return {};
}

// What a kind needs, and what means nothing to it: a key that changes nothing is a mistake of who wrote it.
Result<> check_kind(const Network& network) {
  struct Rule {
    const char* pointer;
    bool given;
    bool needed, allowed;
  };
  bool bridge = network.kind == NetworkKind::kBridge;
  bool macvlan = network.kind == NetworkKind::kMacvlan;
  bool cni = network.kind == NetworkKind::kCni;
  const Rule rules[] = {
      {"/subnets", !network.subnets.empty(), !cni, !cni},
      {"/interface", !network.interface.empty(), false, bridge},
      {"/parent", !network.parent.empty(), macvlan, macvlan},
      {"/cni", !network.cni.empty(), cni, cni},
      {"/mode", network.mode != "bridge", false, macvlan},
      {"/mtu", network.mtu != 0, false, !cni},
      {"/internal", network.internal, false, !cni && !macvlan},
      {"/isolated", network.isolated, false, !cni && !macvlan},
      {"/nat", !network.nat, false, !cni && !macvlan},
  };
  for (const Rule& rule : rules) {
    if (rule.needed && !rule.given)
      return invalid(rule.pointer, cat("a network of kind ", kind_name(network.kind), " needs it"));
    if (!rule.allowed && rule.given)
      return invalid(rule.pointer, cat("it means nothing to a network of kind ", kind_name(network.kind)));
  }
  constexpr std::string_view kModes[] = {"private", "vepa", "bridge", "passthru"};
  if (std::ranges::find(kModes, network.mode) == std::end(kModes))
    return invalid("/mode", cat(quote(network.mode), " is none of private, vepa, bridge, passthru"));
  if (!network.interface.empty()) {
    if (Result<> checked = check_interface_name(network.interface); !checked)
      return Failure(within("/interface", checked.error()));
  }
  return {};
}

Result<> check_network(const Network& network) {
  if (Result<> checked = check_network_name(network.name); !checked)
    return Failure(within("/name", checked.error()));
  TRY(check_kind(network));
  TRY(check_subnets(network));
  TRY(check_mtu(network));
  for (size_t i = 0; i < network.routes.size(); ++i) {
    const StaticRoute& route = network.routes[i];
    if (route.gateway && route.gateway->family() != route.destination.address.family())
      return invalid(cat("/routes/", i, "/gateway"),
                     cat(route.gateway->text(), " is of another family than ", route.destination.text()));
  }
  return {};
}

void print_subnet(JsonWriter& out, const Subnet& subnet) {
  out.begin_object().member("subnet", subnet.prefix.text());
  if (subnet.gateway) out.member("gateway", subnet.gateway->text());
  if (subnet.range_first) out.member("rangeFirst", subnet.range_first->text());
  if (subnet.range_last) out.member("rangeLast", subnet.range_last->text());
  out.end_object();
}

void print_lists(JsonWriter& out, const Network& network) {
  if (!network.routes.empty()) {
    out.key("routes").begin_array();
    for (const StaticRoute& route : network.routes) {
      out.begin_object().member("destination", route.destination.text());
      if (route.gateway) out.member("gateway", route.gateway->text());
      if (route.metric != 0) out.member("metric", route.metric);
      out.end_object();
    }
    out.end_array();
  }
  if (!network.dns.empty()) {
    out.key("dns").begin_array();
    for (const Address& server : network.dns) out.value(server.text());
    out.end_array();
  }
  if (!network.labels.empty()) {
    out.key("labels").begin_object();
    for (const auto& [key, value] : network.labels) out.member(key, value);
    out.end_object();
  }
}

}  // namespace

std::string_view kind_name(NetworkKind kind) {
  constexpr std::string_view kNames[] = {"bridge", "routed", "macvlan", "cni"};
  return kNames[static_cast<size_t>(kind)];
}

// The network's own address and IPv4's broadcast address are nobody's.
Address Subnet::first_lease() const {
  return range_first.value_or(prefix.first().plus(1).value_or(prefix.first()));
}
Address Subnet::last_lease() const {
  if (range_last) return *range_last;
  if (prefix.address.family() == Family::kIpv6) return prefix.last();
  return prefix.first()
      .plus(prefix.first().distance_to(prefix.last(), ~uint64_t{0}) - 1)
      .value_or(prefix.last());
}

std::string Network::interface_name() const {
  if (!interface.empty()) return interface;
  constexpr std::string_view kPrefix = "sj-";
  if (name.size() + kPrefix.size() <= kInterfaceNameLimit) return cat(kPrefix, name);
  // FNV-1a; two long names that meet in 48 bits are told by the kernel's EEXIST.
  uint64_t hash = 14695981039346656037U;
  for (char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
  std::string out(kPrefix);
  for (int i = 0; i < 12; ++i, hash >>= 4U) out += "0123456789abcdef"[hash & 15U];
  return out;
}

Result<> check_network_name(std::string_view name) {
  auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  auto is_allowed = [&](char c) { return is_plain(c) || c == '_' || c == '.' || c == '-'; };
  if (name.empty() || name.size() > kNameLimit || !is_plain(name[0]) ||
      !std::ranges::all_of(name, is_allowed))
    return fail(Kind::kInvalid,
                cat(quote(name),
                    " is not 1 to 63 of a-z, 0-9, \"_\", \".\", \"-\", beginning with a letter or digit"));
  for (std::string_view word : {"host", "none", "share", "cni"})
    if (name == word)
      return fail(Kind::kInvalid, cat(quote(name), " means something else where networks are named"));
  return {};
}

Result<Network> parse_network(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Network out;
  Result<> loaded = field_table::load_object(document.root(), kRows, &out, field_table::Unknown::kRefuse);
  if (loaded) loaded = check_network(out);
  if (!loaded) return Failure(within(source, loaded.error()));
  for (Subnet& subnet : out.subnets)
    if (!subnet.gateway && !out.internal && out.kind == NetworkKind::kBridge)
      subnet.gateway = subnet.prefix.first().plus(1);
  return out;
}

std::string print_network(const Network& network) {
  const Network defaults;
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object().member("name", network.name).member("kind", kind_name(network.kind));
  if (!network.subnets.empty()) {
    out.key("subnets").begin_array();
    for (const Subnet& subnet : network.subnets) print_subnet(out, subnet);
    out.end_array();
  }
  constexpr std::pair<const char*, std::string Network::*> kTexts[] = {{"interface", &Network::interface},
                                                                       {"parent", &Network::parent},
                                                                       {"mode", &Network::mode},
                                                                       {"cni", &Network::cni}};
  for (const auto& [key, member] : kTexts)
    if (network.*member != defaults.*member) out.member(key, network.*member);
  if (network.mtu != 0) out.member("mtu", network.mtu);
  constexpr std::pair<const char*, bool Network::*> kFlags[] = {
      {"nat", &Network::nat}, {"internal", &Network::internal}, {"isolated", &Network::isolated}};
  for (const auto& [key, member] : kFlags)
    if (network.*member != defaults.*member) out.member(key, network.*member);
  print_lists(out, network);
  out.end_object();
  return out.take() + "\n";
}

Result<> check_overlap(const Network& network, const std::vector<Network>& others) {
  for (const Network& other : others) {
    if (other.name == network.name) continue;
    for (size_t i = 0; i < network.subnets.size(); ++i)
      for (const Subnet& taken : other.subnets)
        if (network.subnets[i].prefix.overlaps(taken.prefix))
          return invalid(cat("/subnets/", i, "/subnet"),
                         cat(network.subnets[i].prefix.text(), " overlaps ", taken.prefix.text(),
                             " of network ", quote(other.name)));
  }
  return {};
}

}  // namespace shoji::net
