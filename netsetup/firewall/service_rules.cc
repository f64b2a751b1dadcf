// A virtual service in nft(8)'s language: a map of slots, a chain that chooses one, and the element that leads there.
#include <linux/netfilter.h>

#include <charconv>

#include "netsetup/firewall/nft_words.h"
#include "netsetup/firewall/ruleset.h"

namespace shoji::net {

namespace {

// Services are known by a number made of their name, which may be longer than nft allows, and their family.
std::string service_id(const VirtualService& service) {
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (char c : service.name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
  std::string out;
  for (int i = 0; i < 16; ++i, hash >>= 4U) out += "0123456789abcdef"[hash & 15U];
  return cat(out, '_', digit(service_family(service)));
}

std::string service_key(const VirtualService& service) {
  std::string key = cat(protocol_name(service.port.protocol), " . ", service.port.port);
  if (service.port.host) return cat(service.port.host->text(), " . ", key);
  return cat(word4or6(service_family(service), "ipv4", "ipv6"), " . ", key);
}
std::string_view service_map(const VirtualService& service) {
  if (!service.port.host) return "services_everywhere";
  return word4or6(service_family(service), "services4", "services6");
}
std::string_view service_map_type(const VirtualService& service) {
  if (!service.port.host) return "typeof meta nfproto . meta l4proto . th dport";
  return word4or6(service_family(service), "typeof ip daddr . meta l4proto . th dport",
                  "typeof ip6 daddr . meta l4proto . th dport");
}
std::string lead_to(const VirtualService& service) {
  return element("add", service_map(service),
                 cat(service_key(service), " : goto service_", service_id(service)));
}

// nft 1.0.6 crashes when it lists a map whose key is typeof jhash; the type of numgen is the same integer.
std::string slots_map(const VirtualService& service) {
  return cat("  map slots_", service_id(service), " { typeof numgen inc mod ", kSlots, " : ",
             word4or6(service_family(service), "ip", "ip6"), " daddr . th dport; }\n");
}

// What `nft list map` prints of one element, "7 : 10.7.0.2 . 80", goes to its slot of the row.
bool read_slot(std::string_view text, Family family, std::vector<std::string>& row) {
  size_t colon = text.find(" : "), dot = text.rfind(" . ");
  size_t slot = 0;
  unsigned port = 0;
  if (colon == std::string_view::npos || dot == std::string_view::npos || dot < colon) return false;
  if (std::from_chars(text.data(), text.data() + colon, slot).ptr != text.data() + colon) return false;
  if (std::from_chars(text.data() + dot + 3, text.data() + text.size(), port).ptr !=
      text.data() + text.size())
    return false;
  Result<Address> address = Address::parse(text.substr(colon + 3, dot - colon - 3));
  if (!address || address->family() != family || slot >= row.size()) return false;
  row[slot] = member_key({.partition = {}, .address = *address, .port = static_cast<uint16_t>(port)});
  return true;
}

}  // namespace

Family service_family(const VirtualService& service) {
  if (service.port.host) return service.port.host->family();
  return service.members.empty() ? service.family : service.members[0].address.family();
}

std::string service_added(const VirtualService& service, const std::vector<size_t>& slots) {
  std::string id = service_id(service);
  std::string_view ip = word4or6(service_family(service), "ip", "ip6");
  std::string choice = service.spread == Spread::kRoundRobin ? cat("numgen inc mod ", kSlots)
                                                             : cat("jhash ", ip, " saddr mod ", kSlots);
  // Whatever there is of it goes first, in the same transaction: nft 1.0.6 cannot write a rule that looks into a map
  // which the kernel has already ("conflicting protocols specified: tcp vs. th").
  std::string out = cat(service_removed(service), "table ", kTable, " {\n", slots_map(service),
                        "  chain service_", id, " {\n    meta l4proto ", protocol_name(service.port.protocol),
                        " dnat ", ip, " to ", choice, " map @slots_", id, "\n  }\n}\n");
  return out + service_changed(service, {}, slots) + lead_to(service);
}

std::string service_led_away(const VirtualService& service) {
  // Everything is declared before it is deleted: that is no error when a part of it, or all, is gone.
  return cat("table ", kTable, " {\n  map ", service_map(service), " { ", service_map_type(service),
             " : verdict; }\n", slots_map(service), "  chain service_", service_id(service), " {\n  }\n}\n",
             lead_to(service), element("delete", service_map(service), service_key(service)));
}

std::string service_removed(const VirtualService& service) {
  std::string id = service_id(service);
  return cat(service_led_away(service), "flush chain ", kTable, " service_", id, "\ndelete chain ", kTable,
             " service_", id, "\ndelete map ", kTable, " slots_", id, '\n');
}

std::string service_changed(const VirtualService& service, const std::vector<std::string>& before,
                            const std::vector<size_t>& slots) {
  std::string gone, come;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    const std::string& old = slot < before.size() ? before[slot] : std::string();
    bool somebody = slots[slot] != kNobody;
    if (somebody ? old == member_key(service.members[slots[slot]]) : old.empty()) continue;
    if (!old.empty()) gone += cat(gone.empty() ? "" : ", ", slot);
    if (!somebody) continue;
    const ServiceMember& target = service.members[slots[slot]];
    come += cat(come.empty() ? "" : ", ", slot, " : ", host_and_port(target.address, target.port));
  }
  std::string map = cat("slots_", service_id(service));
  return (gone.empty() ? "" : element("delete", map, gone)) + (come.empty() ? "" : element("add", map, come));
}

std::vector<Element> service_elements(const VirtualService& service, const std::vector<size_t>& slots) {
  std::vector<Element> out;
  Fields lead;
  if (service.port.host) {
    lead.add(*service.port.host);
  } else {
    lead.add_number(word4or6(service_family(service), "ipv4", "ipv6"),
                    service_family(service) == Family::kIpv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  }
  lead.add(service.port.protocol).add_port(service.port.port);
  std::string id = service_id(service);
  out.push_back({.table = Table::kInet,
                 .set = std::string(service_map(service)),
                 .key = std::move(lead),
                 .value = {},
                 .jump = cat("service_", id)});
  for (uint32_t slot = 0; slot < slots.size(); ++slot) {
    if (slots[slot] == kNobody) continue;
    const ServiceMember& target = service.members[slots[slot]];
    Fields key, value;
    key.add_slot(slot);
    value.add(target.address).add_port(target.port);
    out.push_back({.table = Table::kInet,
                   .set = cat("slots_", id),
                   .key = std::move(key),
                   .value = std::move(value),
                   .jump = {}});
  }
  return out;
}

std::string service_listed(const VirtualService& service) {
  std::string id = service_id(service);
  return cat("list map ", kTable, " slots_", id, "\nlist chain ", kTable, " service_", id, "\nget element ",
             kTable, ' ', service_map(service), " { ", service_key(service), " }\n");
}

std::optional<std::vector<std::string>> service_row(const VirtualService& service, std::string_view listing) {
  std::string id = service_id(service);
  const std::string parts[] = {service.spread == Spread::kRoundRobin ? " to numgen inc " : " to jhash ",
                               cat(" map @slots_", id), cat(" : goto service_", id)};
  for (const std::string& part : parts)
    if (listing.find(part) == std::string_view::npos) return std::nullopt;
  std::vector<std::string> row(kSlots);
  constexpr std::string_view kOpening = "elements = {";
  std::string_view map = listing.substr(0, listing.find("chain service_"));
  size_t begin = map.find(kOpening);
  if (begin == std::string_view::npos) return row;
  std::string_view elements = map.substr(begin + kOpening.size());
  elements = elements.substr(0, elements.find('}'));
  while (!elements.empty()) {
    size_t comma = std::min(elements.find(','), elements.size());
    std::string_view one = elements.substr(0, comma);
    size_t first = one.find_first_not_of(" \t\n"), last = one.find_last_not_of(" \t\n");
    if (first == std::string_view::npos ||
        !read_slot(one.substr(first, last - first + 1), service_family(service), row))
      return std::nullopt;
    elements.remove_prefix(std::min(comma + 1, elements.size()));
  }
  return row;
}

}  // namespace shoji::net
