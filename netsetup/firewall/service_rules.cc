// A virtual service in nft(8)'s language: a map of slots, a chain that chooses one, and the element that leads there.
#include <linux/netfilter.h>

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

// Without a member the client hears at once that nobody is there, whatever the host's other tables drop.
std::string_view refusal(const VirtualService& service) {
  return service.port.protocol == Protocol::kTcp ? "meta l4proto tcp reject with tcp reset"
                                                 : "meta l4proto udp reject with icmpx port-unreachable";
}

Element slot_element(const VirtualService& service, size_t slot, const ServiceMember* target) {
  Element out{.table = Table::kInet, .set = slots_name(service), .key = {}, .value = {}, .jump = {}};
  out.key.add_slot(static_cast<uint32_t>(slot));
  if (target != nullptr) out.value.add(target->address).add_port(target->port);
  return out;
}

}  // namespace

std::string service_chain(const VirtualService& service) {
  return cat("service_", service_id(service));
}
std::string slots_name(const VirtualService& service) {
  return cat("slots_", service_id(service));
}

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
  std::string out =
      cat(service_removed(service), "table ", kTable, " {\n", slots_map(service), "  chain service_", id,
          " {\n    meta l4proto ", protocol_name(service.port.protocol), " dnat ", ip, " to ", choice,
          " map @slots_", id, "\n    ", refusal(service), "\n  }\n}\n");
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
  SlotChanges changes = slot_changes(service, before, slots);
  std::string gone, come;
  for (const Element& one : changes.gone) gone += cat(gone.empty() ? "" : ", ", one.key.text);
  for (const Element& one : changes.come)
    come += cat(come.empty() ? "" : ", ", one.key.text, " : ", one.value.text);
  std::string map = slots_name(service);
  return (gone.empty() ? "" : element("delete", map, gone)) + (come.empty() ? "" : element("add", map, come));
}

Element service_lead(const VirtualService& service) {
  Element out{.table = Table::kInet,
              .set = std::string(service_map(service)),
              .key = {},
              .value = {},
              .jump = service_chain(service)};
  if (service.port.host) {
    out.key.add(*service.port.host);
  } else {
    bool four = service_family(service) == Family::kIpv4;
    out.key.add_number(four ? "ipv4" : "ipv6", four ? NFPROTO_IPV4 : NFPROTO_IPV6);
  }
  out.key.add(service.port.protocol).add_port(service.port.port);
  return out;
}

std::vector<Element> service_elements(const VirtualService& service, const std::vector<size_t>& slots) {
  std::vector<Element> out = {service_lead(service)};
  for (size_t slot = 0; slot < slots.size(); ++slot)
    if (slots[slot] != kNobody) out.push_back(slot_element(service, slot, &service.members[slots[slot]]));
  return out;
}

SlotChanges slot_changes(const VirtualService& service, const std::vector<std::string>& before,
                         const std::vector<size_t>& slots) {
  SlotChanges out;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    const std::string& old = slot < before.size() ? before[slot] : std::string();
    bool somebody = slots[slot] != kNobody;
    if (somebody ? old == member_key(service.members[slots[slot]]) : old.empty()) continue;
    if (!old.empty()) out.gone.push_back(slot_element(service, slot, nullptr));
    if (somebody) out.come.push_back(slot_element(service, slot, &service.members[slots[slot]]));
  }
  return out;
}

}  // namespace shoji::net
