#pragma once
// The firewall in nft(8)'s language. Pure: text from data. Each text is one transaction.
#include <initializer_list>
#include <string>
#include <vector>

#include "netsetup/firewall/elements.h"
#include "netsetup/firewall/slots.h"

namespace shoji::net {

inline constexpr std::string_view kTable = "inet shoji";
// Changes whenever the chains do, so that a newer Shoji replaces what an older one wrote. It is the
// comment of each table.
inline constexpr std::string_view kRulesetVersion = "shoji 2";

// Both tables from nothing, replacing what is there: chains, and empty sets and maps, and the networks.
std::string base_ruleset(const std::vector<FirewallNetwork>& networks);
std::string tables_removed(std::initializer_list<Table> tables);
// Only the networks' elements: after a network was made, changed or removed.
std::string network_elements(const std::vector<FirewallNetwork>& networks);

// What adds these endpoints, to a ruleset that has none of them.
std::string print_endpoints(const std::vector<FirewallEndpoint>& endpoints);

// A service's chain, its map of slots, and the element that leads to it, made anew whatever there is of them. What takes
// them away works on a half of them as well.
std::string service_added(const VirtualService& service, const std::vector<size_t>& slots);
std::string service_removed(const VirtualService& service);
// Only the element. What it leads to is there after it, empty where it was not there.
std::string service_led_away(const VirtualService& service);
// Only the slots that differ. `before` are keys (member_key()), as the row was; after it the row is `slots`.
std::string service_changed(const VirtualService& service, const std::vector<std::string>& before,
                            const std::vector<size_t>& slots);

// The same objects for who speaks to the kernel itself. The element that leads to a service is the first one.
Element service_lead(const VirtualService& service);
std::vector<Element> service_elements(const VirtualService& service, const std::vector<size_t>& slots);
std::string service_chain(const VirtualService& service);
std::string slots_name(const VirtualService& service);
struct SlotChanges {
  std::vector<Element> gone, come;
};
SlotChanges slot_changes(const VirtualService& service, const std::vector<std::string>& before,
                         const std::vector<size_t>& slots);

}  // namespace shoji::net
